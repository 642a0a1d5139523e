import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../../../lab/cli.ts';
import { scenarios } from '../../../lab/drill/scenarios/index.ts';

describe('the command line', () => {
  const out: string[] = [];
  const err: string[] = [];
  beforeEach(() => {
    out.length = 0;
    err.length = 0;
    vi.spyOn(console, 'log').mockImplementation((text) => void out.push(String(text)));
    vi.spyOn(console, 'error').mockImplementation((text) => void err.push(String(text)));
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0);
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0);
  });
  afterEach(() => vi.restoreAllMocks());

  it('lists every scenario with its title, the default first', async () => {
    expect(await main(['--list'])).toBe(0);
    expect(out).toHaveLength(scenarios.length);
    expect(out[0]).toMatch(/^region-failure +The primary region is gone$/);
  });

  it('helps', async () => {
    expect(await main(['--help'])).toBe(0);
    expect(out.join('')).toContain('Exit code: 0 every promise held');
  });

  it.each([
    [['no-such-scenario'], /No scenario no-such-scenario\. There are: region-failure, /],
    [['--no-such-flag'], /unknown option '--no-such-flag'/],
    [['--repeat', '0'], /A whole number, 1 or more/],
    [['--report'], /argument missing/],
  ])('answers wrong usage %j with 2 and the reason', async (argv, reason) => {
    expect(await main(argv)).toBe(2);
    expect(err.join('')).toMatch(reason);
    expect(out).toEqual([]);
  });

  it('names scenarios uniquely, each with promises', () => {
    expect(new Set(scenarios.map((scenario) => scenario.name)).size).toBe(scenarios.length);
    for (const scenario of scenarios) expect(scenario.promises.length).toBeGreaterThan(3);
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import demoBackup from '../environments/demo-backup.ts';
import type { Environment } from '../environments/schema.ts';
import { slug } from '../infra/alarm.ts';
import { ofType, synthesiseAll } from './infra/synth.ts';

const sourcesIn = (folder: string): { file: string; text: string }[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ file: join(folder, file), text: readFileSync(join(folder, file), 'utf8') }));

const importing = (folder: string, pattern: RegExp): string[] =>
  sourcesIn(folder).flatMap(({ file, text }) => (pattern.test(text) ? [file] : []));

describe('walls', () => {
  it('lambdas know neither infra nor lab; the lab knows neither of them', () => {
    expect(importing('lambdas', /from '(\.\.\/)+(infra|lab|test|bin)\//)).toEqual([]);
    expect(importing('lab', /from '(\.\.\/)+(infra|lambdas|test|bin|environments)\//)).toEqual([]);
    expect(importing('infra', /from '(\.\.\/)+(lab|test|bin)\//)).toEqual([]);
  });

  it('only kit and resources import an SDK client, and every client is guarded against writes in a dry run', () => {
    const clients = importing('lambdas', /^import \{[^}]*\bClient?\b[\s\S]*?from '@aws-sdk\/client-/m).concat(
      importing('lambdas', /from '@aws-sdk\/client-/),
    );
    expect([...new Set(clients)].filter((file) => !/^lambdas\/(kit|resources)\//.test(file))).toEqual([]);
    const unguarded = sourcesIn('lambdas').filter(
      ({ text }) => /new \w+Client\(/.test(text) && text.match(/new \w+Client\(/g)!.length !== text.match(/guarded\(/g)?.length,
    );
    expect(unguarded.map(({ file }) => file)).toEqual([]);
  });
});

/** With what the demo leaves out and what has an alarm of its own. */
const everything: Environment = {
  ...demoBackup,
  workloads: demoBackup.workloads.map((workload) => ({
    ...workload,
    databases: workload.databases.map((database) => ({
      ...database,
      backup: { ...database.backup!, replicatedAutomatedBackups: { retentionDays: 7, alarmAfterMinutes: 60 } },
    })),
  })),
};

describe('runbook', () => {
  const runbook = readFileSync('docs/runbook.md', 'utf8');
  const headings = [...runbook.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading!);

  it('says under each alarm what it is, where to look, what to do, and when not to; and of each procedure when not to use it', () => {
    const sections = runbook.split(/^## /m).slice(1);
    const lacking = sections.flatMap((section) => {
      const parts = [...section.matchAll(/\*\*([A-Z][^*]*?)\.\*\*/g)].map(([, part]) => part!);
      const needed = section.startsWith('Procedure: ') ? ['When not'] : ['Description', 'Investigation', 'Resolution', 'When not'];
      const missing = needed.filter((name) => !parts.some((part) => part.startsWith(name)));
      return missing.map((name) => `${section.split('\n')[0]}: ${name}`);
    });
    expect(lacking).toEqual([]);
  });

  it('has a heading for every alarm, and no alarm heading without an alarm', () => {
    const alarms = [...synthesiseAll(everything).values()].flatMap((template) => ofType(template, 'AWS::CloudWatch::Alarm'));
    const linked = new Set(alarms.map(([, { Properties }]) => /runbook\.md#([a-z0-9-]+)/.exec(String(Properties.AlarmDescription))?.[1]));
    const forAlarms = headings.filter((heading) => !heading.startsWith('Procedure: ')).map(slug);
    expect([...linked].sort()).toEqual(forAlarms.sort());
  });
});

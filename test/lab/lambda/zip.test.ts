import { expect, it } from 'vitest';
import { readZip } from '../../../lab/lambda/zip.ts';
import { makeZip } from './zip.ts';

it('reads what was packed', () => {
  const files = { 'index.mjs': 'export const a = 1;', 'deep/er/plan.json': '{"ü":1}', empty: '' };
  expect(Object.fromEntries(readZip(makeZip(files)).map(({ path, data }) => [path, data.toString()]))).toEqual(files);
});

it.each(['../outside', '/etc/passwd', 'a/../../b'])('refuses the path %s', (path) => {
  expect(() => readZip(makeZip({ [path]: 'x' }))).toThrow(/leaves its folder/);
});

it('refuses what is no archive', () => {
  expect(() => readZip(Buffer.from('hello'))).toThrow(/not a zip archive/);
});

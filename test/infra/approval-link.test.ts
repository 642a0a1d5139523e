import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { expect, it } from 'vitest';
import { defineEnvironment } from '../../environments/define.ts';
import { createLifeboat } from '../../infra/lifeboat.ts';
import { environment } from '../environments/fixtures.ts';
import { rightsOf } from './iam.ts';
import { definitions, ofType, only, synthesise, type Template } from './synth.ts';

const linked = defineEnvironment(environment({ failover: { approvalLink: true } }));
const template = synthesise(linked).recovery;
const functionsOf = (of: Template) => ofType(of, 'AWS::Lambda::Function').map(([, { Properties }]) => String(Properties.FunctionName));

it('is opened by the environment alone: without it there is no page, no key and no way to sign', () => {
  const plain = synthesise(defineEnvironment(environment())).recovery;
  expect(functionsOf(plain)).not.toContain('lifeboat-test-answer-approval');
  expect(ofType(plain, 'AWS::Lambda::Url')).toHaveLength(1);
  expect(JSON.stringify(plain)).not.toMatch(/HMAC|LIFEBOAT_APPROVAL/);
});

it('is signed by a key that nobody can read: who asks may sign, who answers may only verify', () => {
  expect(only(template, 'AWS::KMS::Key', { KeySpec: 'HMAC_256' })).toMatchObject({ KeyUsage: 'GENERATE_VERIFY_MAC' });
  const macs = (step: string) => rightsOf(template, `lifeboat-test-${step}`).filter((right) => right.includes('Mac on'));
  expect(macs('ask-approval')).toEqual([expect.stringMatching(/^kms:GenerateMac on </)]);
  expect(macs('answer-approval')).toEqual([expect.stringMatching(/^kms:VerifyMac on </)]);
  const others = functionsOf(template).filter((name) => !/-(ask|answer)-approval$/.test(name));
  expect(others.flatMap((name) => rightsOf(template, name)).filter((right) => right.includes('Mac on'))).toEqual([]);
});

it('may read and write incidents, answer this machine, and nothing else', () => {
  const table = 'arn:aws:dynamodb:eu-central-1:111111111111:table/lifeboat-test-ledger';
  const incidents = '{"ForAllValues:StringLike":{"dynamodb:LeadingKeys":["incident#*"]}}';
  const machine = 'arn:aws:states:eu-central-1:111111111111:stateMachine:lifeboat-test-failover';
  expect(rightsOf(template, 'lifeboat-test-answer-approval').filter((right) => !right.includes('kms:VerifyMac'))).toEqual([
    `dynamodb:GetItem on ${table} ${incidents}`,
    `dynamodb:PutItem on ${table} ${incidents}`,
    `dynamodb:UpdateItem on ${table} ${incidents}`,
    `states:SendTaskSuccess on ${machine}`,
    `states:SendTaskFailure on ${machine}`,
  ]);
});

it('cannot take the concurrency that a failover needs', () => {
  expect(only(template, 'AWS::Lambda::Function', { FunctionName: 'lifeboat-test-answer-approval' })).toMatchObject({
    ReservedConcurrentExecutions: 5,
  });
});

it('is said by synthesis, for each site', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lifeboat-synth-'));
  try {
    const code = join(folder, 'code');
    mkdirSync(code);
    writeFileSync(join(code, 'index.mjs'), '');
    const app = new App({ outdir: join(folder, 'cdk.out') });
    createLifeboat(app, { environment: linked, bundles: () => code, definitions });
    const said = app.synth().stacks.flatMap(({ messages }) => messages.map(({ entry }) => String(entry.data)));
    expect(said.filter((text) => /opens a public page.*in eu-(west-1|central-1)/.test(text))).toHaveLength(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

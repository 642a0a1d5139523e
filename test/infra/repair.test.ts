import { describe, expect, it } from 'vitest';
import demoBackup from '../../environments/demo-backup.ts';
import { rightsOf } from './iam.ts';
import { only, synthesise } from './synth.ts';

const prefix = 'lifeboat-demo-backup';
const stacks = synthesise(demoBackup);
const sites = Object.entries({ primary: stacks.primary, recovery: stacks.recovery });
const steps = ['read-repair-request', 'compare-records', 'ask-repair-approval', 'apply-repair', 'close-repair'];
const holding = (template: (typeof sites)[number][1], pattern: RegExp): string[] =>
  steps.filter((step) => rightsOf(template, `${prefix}-${step}`).some((right) => pattern.test(right)));

describe('the rights of a repair', () => {
  it.each(sites)('%s: one step moves the claim, one writes values, one reads them', (_, template) => {
    expect(holding(template, /dynamodb:UpdateItem.*lease#/)).toEqual(['apply-repair']);
    expect(holding(template, /s3:PutObject .*\/repairs\/\*$/)).toEqual(['compare-records']);
    expect(holding(template, /s3:GetObject/)).toEqual(['apply-repair']);
    expect(holding(template, /secretsmanager:GetSecretValue/)).toEqual(['compare-records', 'apply-repair']);
  });

  it.each(sites)('%s: nothing of RDS is changed by it, and its machine has no placeholder left', (_, template) => {
    expect(holding(template, /^(never )?rds:(?!Describe)/)).toEqual([]);
    const machine = only(template, 'AWS::StepFunctions::StateMachine', { StateMachineName: `${prefix}-repair` });
    expect(JSON.stringify(machine.DefinitionString)).not.toMatch(/\$\{\w+\}/);
  });
});

import { expect, it } from 'vitest';
import { resolve, type Scope } from '../../../lab/deploy/intrinsics.ts';
import { strip } from '../../../lab/deploy/unsupported.ts';

const scope: Scope = {
  ref: (name) => ({ 'AWS::Region': 'us-west-2', Check: 'check-id' })[name],
  attribute: (resource, name) => (resource === 'Url' && name === 'FunctionUrl' ? 'https://abc.example.com/' : undefined),
  exported: (name) => ({ token: 'secret' })[name],
};

it('evaluates what a template’s functions say', () => {
  const host = { 'Fn::Select': [2, { 'Fn::Split': ['/', { 'Fn::GetAtt': ['Url', 'FunctionUrl'] }] }] };
  expect(resolve({ host, path: { 'Fn::Join': ['/', ['', 'orders', { 'Fn::ImportValue': 'token' }]] } }, scope)).toEqual({
    host: 'abc.example.com',
    path: '/orders/secret',
  });
  expect(resolve({ 'Fn::Sub': '${Check} in ${AWS::Region} at ${Url.FunctionUrl} ${!Literal}' }, scope)).toBe(
    'check-id in us-west-2 at https://abc.example.com/ ${Literal}',
  );
  expect(resolve([{ Ref: 'AWS::NoValue' }, 1], scope)).toEqual([1]);
  expect(() => resolve({ Ref: 'Unknown' }, scope)).toThrow('Ref Unknown cannot be resolved.');
});

it('leaves out what the engine cannot make, and every trace of it', () => {
  const template = {
    Resources: {
      Bad: { Type: 'AWS::New::Thing' },
      Good: { Type: 'AWS::SNS::Topic', DependsOn: ['Bad'], Properties: { a: { Ref: 'Bad' }, b: { 'Fn::GetAtt': ['Bad', 'Arn'] } } },
    },
    Outputs: { Gone: { Value: { Ref: 'Bad' } }, Kept: { Value: { Ref: 'Good' } } },
  };
  expect(strip(template, new Set(['AWS::SNS::Topic']))).toEqual({
    template: {
      Resources: { Good: { Type: 'AWS::SNS::Topic', Properties: { a: 'Bad', b: 'Bad' } } },
      Outputs: { Kept: { Value: { Ref: 'Good' } } },
    },
    left: ['Bad (AWS::New::Thing)'],
  });
  expect(strip(template, new Set(['AWS::SNS::Topic', 'AWS::New::Thing']))).toEqual({ template, left: [] });
});

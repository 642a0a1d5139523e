import { ofType, type Template } from './synth.ts';

export interface Statement {
  Effect: string;
  Action: string[];
  Resource: string[];
  Condition?: Record<string, Record<string, unknown>>;
}

/** A role's statements, by the role's logical id; references are written `<LogicalId>` and `<LogicalId.Attribute>`. */
export const statementsByRole = (template: Template): Map<string, Statement[]> => {
  const byRole = new Map<string, Statement[]>();
  for (const [, { Properties }] of ofType(template, 'AWS::IAM::Policy')) {
    const { Statement: raw } = Properties.PolicyDocument as { Statement: Record<string, unknown>[] };
    const statements = raw.map(({ Effect, Action, Resource, Condition }) => ({
      Effect: String(Effect),
      Action: list(Action),
      Resource: list(Resource),
      Condition: Condition as Statement['Condition'],
    }));
    for (const role of list(Properties.Roles)) byRole.set(role, [...(byRole.get(role) ?? []), ...statements]);
  }
  return byRole;
};

/** What a function may do, as `action on resource [condition]`, without what every function has. */
export const rightsOf = (template: Template, functionName: string): string[] => {
  const [, { Properties }] = ofType(template, 'AWS::Lambda::Function').find(
    ([, resource]) => resource.Properties.FunctionName === functionName,
  )!;
  const role = text(Properties.Role).replace(/^<|\.Arn>$/g, '');
  return (statementsByRole(template).get(`<${role}>`) ?? [])
    .filter(({ Action }) => !Action.some((action) => /^(logs|xray):/.test(action)))
    .flatMap(({ Effect, Action, Resource, Condition }) => {
      const suffix = Condition ? ` ${JSON.stringify(Condition)}` : '';
      return Action.flatMap((action) =>
        Resource.map((resource) => `${Effect === 'Deny' ? 'never ' : ''}${action} on ${resource}${suffix}`),
      );
    });
};

const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : [text(value)]);

export const text = (value: unknown): string => {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::GetAtt': attribute } = value as { Ref?: string; 'Fn::GetAtt'?: string[] };
  if (Ref) return `<${Ref}>`;
  return attribute ? `<${attribute.join('.')}>` : JSON.stringify(value);
};

/** What a template's functions refer to. */
export interface Scope {
  /** `Ref` of a resource, parameter or pseudo parameter. */
  ref(name: string): string | undefined;
  attribute(resource: string, name: string): string | undefined;
  /** The value that another stack exports. */
  exported(name: string): string | undefined;
}

/** The value of a part of a template, its intrinsic functions evaluated. Fails on what cannot be resolved, with its name. */
export function resolve(value: unknown, scope: Scope): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, scope)).filter((item) => item !== undefined);
  if (typeof value !== 'object' || value === null) return value;
  const [[key, argument] = ['', undefined], ...more] = Object.entries(value) as [string, unknown][];
  const evaluate = more.length === 0 ? FUNCTIONS[key] : undefined;
  if (evaluate) return evaluate(argument, scope);
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, resolve(item, scope)]));
}

type Evaluate = (argument: unknown, scope: Scope) => unknown;

const FUNCTIONS: Record<string, Evaluate> = {
  Ref: (name, scope) => {
    if (name === 'AWS::NoValue') return undefined;
    return known(scope.ref(String(name)), `Ref ${String(name)}`);
  },
  'Fn::GetAtt': (argument, scope) => {
    const [resource = '', ...name] = typeof argument === 'string' ? argument.split('.') : (argument as string[]);
    return known(scope.attribute(resource, name.join('.')), `Fn::GetAtt ${resource}.${name.join('.')}`);
  },
  'Fn::ImportValue': (argument, scope) => {
    const name = String(resolve(argument, scope));
    return known(scope.exported(name), `Fn::ImportValue ${name}`);
  },
  'Fn::Join': (argument, scope) => {
    const [delimiter, parts] = resolve(argument, scope) as [string, string[]];
    return parts.join(delimiter);
  },
  'Fn::Split': (argument, scope) => {
    const [delimiter, text] = resolve(argument, scope) as [string, string];
    return text.split(delimiter);
  },
  'Fn::Select': (argument, scope) => {
    const [index, list] = resolve(argument, scope) as [string | number, unknown[]];
    return known(list[Number(index)], `Fn::Select ${index} of ${list.length} values`);
  },
  'Fn::Sub': (argument, scope) => {
    const [text, own] = (Array.isArray(argument) ? argument : [argument, {}]) as [string, Record<string, unknown>];
    const replaced = text.replace(/\$\{([^!}]+)\}/g, (_, name: string) => {
      if (name in own) return String(resolve(own[name], scope));
      return String(name.includes('.') ? resolve({ 'Fn::GetAtt': name }, scope) : resolve({ Ref: name }, scope));
    });
    return replaced.replaceAll('${!', '${');
  },
};

function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`${what} cannot be resolved.`);
  return value;
}

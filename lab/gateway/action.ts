/** One row of a REST service: the method, the path as a pattern, the operation's name. The first that fits is taken. */
type Rest = readonly [method: string, path: RegExp, action: string];

const LAMBDA: readonly Rest[] = [
  ['POST', /\/invocations$/, 'Invoke'],
  ['POST', /\/functions$/, 'CreateFunction'],
  ['GET', /\/functions$/, 'ListFunctions'],
  ['GET', /\/functions\/[^/]+\/configuration$/, 'GetFunctionConfiguration'],
  ['PUT', /\/functions\/[^/]+\/configuration$/, 'UpdateFunctionConfiguration'],
  ['PUT', /\/functions\/[^/]+\/code$/, 'UpdateFunctionCode'],
  ['GET', /\/functions\/[^/]+\/concurrency$/, 'GetFunctionConcurrency'],
  ['PUT', /\/functions\/[^/]+\/concurrency$/, 'PutFunctionConcurrency'],
  ['DELETE', /\/functions\/[^/]+\/concurrency$/, 'DeleteFunctionConcurrency'],
  ['POST', /\/functions\/[^/]+\/url$/, 'CreateFunctionUrlConfig'],
  ['GET', /\/functions\/[^/]+\/url$/, 'GetFunctionUrlConfig'],
  ['POST', /\/functions\/[^/]+\/policy$/, 'AddPermission'],
  ['GET', /\/functions\/[^/]+$/, 'GetFunction'],
  ['DELETE', /\/functions\/[^/]+$/, 'DeleteFunction'],
  ['GET', /\/event-source-mappings\/?$/, 'ListEventSourceMappings'],
  ['POST', /\/event-source-mappings\/?$/, 'CreateEventSourceMapping'],
  ['PUT', /\/event-source-mappings\/[^/]+$/, 'UpdateEventSourceMapping'],
];

const ROUTE53: readonly Rest[] = [
  ['POST', /\/hostedzone\/[^/]+\/rrset\/?$/, 'ChangeResourceRecordSets'],
  ['GET', /\/hostedzone\/[^/]+\/rrset$/, 'ListResourceRecordSets'],
  ['POST', /\/hostedzone$/, 'CreateHostedZone'],
  ['GET', /\/hostedzone$/, 'ListHostedZones'],
  ['GET', /\/hostedzonesbyname$/, 'ListHostedZonesByName'],
  ['GET', /\/hostedzone\/[^/]+$/, 'GetHostedZone'],
  ['DELETE', /\/hostedzone\/[^/]+$/, 'DeleteHostedZone'],
  ['POST', /\/healthcheck$/, 'CreateHealthCheck'],
  ['GET', /\/healthcheck$/, 'ListHealthChecks'],
  ['GET', /\/healthcheck\/[^/]+\/status$/, 'GetHealthCheckStatus'],
  ['GET', /\/healthcheck\/[^/]+$/, 'GetHealthCheck'],
  ['POST', /\/healthcheck\/[^/]+$/, 'UpdateHealthCheck'],
  ['DELETE', /\/healthcheck\/[^/]+$/, 'DeleteHealthCheck'],
  ['GET', /\/change\/[^/]+$/, 'GetChange'],
  ['GET', /\/testdnsanswer$/, 'TestDNSAnswer'],
];

const SCHEDULER: readonly Rest[] = [
  ['POST', /\/schedules\/[^/]+$/, 'CreateSchedule'],
  ['PUT', /\/schedules\/[^/]+$/, 'UpdateSchedule'],
  ['GET', /\/schedules\/[^/]+$/, 'GetSchedule'],
  ['DELETE', /\/schedules\/[^/]+$/, 'DeleteSchedule'],
  ['GET', /\/schedules$/, 'ListSchedules'],
];

const S3: readonly Rest[] = [
  ['GET', /^\/$/, 'ListBuckets'],
  ['PUT', /^\/[^/]+\/?$/, 'CreateBucket'],
  ['GET', /^\/[^/]+\/?$/, 'ListObjects'],
  ['HEAD', /^\/[^/]+\/?$/, 'HeadBucket'],
  ['DELETE', /^\/[^/]+\/?$/, 'DeleteBucket'],
  ['PUT', /^\/[^/]+\/.+/, 'PutObject'],
  ['GET', /^\/[^/]+\/.+/, 'GetObject'],
  ['HEAD', /^\/[^/]+\/.+/, 'HeadObject'],
  ['DELETE', /^\/[^/]+\/.+/, 'DeleteObject'],
];

const REST: Record<string, readonly Rest[]> = { lambda: LAMBDA, route53: ROUTE53, scheduler: SCHEDULER, s3: S3 };

/** S3's sub-resources: their presence in the query changes the operation. */
const S3_SUB_RESOURCE =
  /[?&](versioning|replication|lifecycle|policy|encryption|tagging|acl|uploads|uploadId|delete|notification|versions|object-lock)\b/;

export interface RequestLine {
  service: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  /** The body where it was read, for Query requests. */
  body?: Buffer;
}

/** The operation's name, from what each of AWS's protocols carries. For REST operations that the table does not know: method and path. */
export function actionOf({ service, method, path, headers, body }: RequestLine): string {
  const target = headers['x-amz-target'];
  if (target) return target.slice(target.lastIndexOf('.') + 1);
  const rpc = /\/operation\/(\w+)$/.exec(path);
  if (rpc) return rpc[1]!;
  const [pathOnly = '', query = ''] = path.split('?', 2);
  const isForm = headers['content-type']?.includes('x-www-form-urlencoded') ?? false;
  const form = new URLSearchParams(isForm && body ? body.toString('utf8') : query);
  const named = form.get('Action');
  if (named) return named;
  const subResource = service === 's3' ? S3_SUB_RESOURCE.exec(path)?.[1] : undefined;
  if (subResource) return `${method} ?${subResource}`;
  const row = REST[service]?.find(([verb, pattern]) => verb === method && pattern.test(pathOnly));
  return row?.[2] ?? `${method} ${pathOnly}`;
}

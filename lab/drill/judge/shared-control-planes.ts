/**
 * What a recovery must not need, since it stands in one region for all. AWS, 'Fault isolation boundaries': 'Global services' and
 * 'Services with single-Region dependencies', 2026-11. The one list: the judge of recorded calls and the test of templates both read it.
 */
export const SHARED_CONTROL_PLANES: Readonly<Record<string, readonly string[]>> = {
  // Signing names and IAM prefixes.
  'us-east-1': [
    'route53',
    'route53domains',
    'iam',
    'organizations',
    'account',
    'cloudfront',
    'acm',
    'shield',
    'waf',
    'support',
    'networkmanager',
  ],
  'us-west-2': ['route53-recovery-control-config', 'route53-recovery-readiness', 'arc-region-switch', 'globalaccelerator'],
};

/** Buckets are made, deleted and, for the most part, configured through us-east-1 (multi-Region access points through us-west-2); objects are not. */
export const S3_DATA_PLANE =
  /^(Get|Put|Head|Delete|List|Copy)Object(s|sV2|Retention|LegalHold|Tagging|Version)?$|^(Create|Complete|Abort)MultipartUpload$|^UploadPart$/;

const SHARED = new Set(Object.values(SHARED_CONTROL_PLANES).flat());

/** Does this action of a service, by its signing name or IAM prefix, need a control plane that all regions share? */
export const needsSharedControlPlane = (service: string, action: string): boolean =>
  SHARED.has(service) || (service === 's3' && !S3_DATA_PLANE.test(action));

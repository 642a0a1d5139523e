import { defineEnvironment } from './define.ts';
import demoBackup from './demo-backup.ts';

const WORKLOADS = 10;
const DATABASES = 30;

/**
 * Three hundred databases, which in the lab exist in the API of RDS alone: what `npm run bench` deploys and backs up.
 */
export default defineEnvironment({
  ...demoBackup,
  name: 'hundreds',
  quotas: { managedPoliciesPerRole: 20 },
  workloads: demoBackup.workloads.flatMap((workload) =>
    Array.from({ length: WORKLOADS }, (_, i) => ({
      ...workload,
      name: `orders-${i}`,
      databases: workload.databases.flatMap((database) =>
        Array.from({ length: DATABASES }, (__, j) => ({
          ...database,
          name: `orders-${j}`,
          instances: { primary: `orders-${i}-${j}-primary`, recovery: `orders-${i}-${j}-replica` },
        })),
      ),
      compute: workload.compute?.map((compute) => ({ ...compute, name: `orders-${i}`, service: `orders-${i}` })),
      endpoint: { ...workload.endpoint, publicName: `orders-${i}.demo.example.com` },
    })),
  ),
});

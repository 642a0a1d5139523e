import { defineEnvironment } from './define.ts';
import demo from './demo.ts';

/** No such network exists: the lab knows none, and on AWS this names yours. */
const isolation = {
  dbSubnetGroup: 'isolated',
  dbSecurityGroupIds: ['sg-0150a7ed'],
  subnetIds: ['subnet-0150a7ed'],
  securityGroupIds: ['sg-0150a7e1'],
};

/** The demo with backups: what the lab deploys for the scenarios of the group `backup`. */
export default defineEnvironment({
  ...demo,
  name: 'demo-backup',
  sites: { primary: { ...demo.sites.primary, isolation }, recovery: { ...demo.sites.recovery, isolation } },
  workloads: demo.workloads.map((workload) => ({
    ...workload,
    databases: workload.databases.map((database) => ({
      ...database,
      integrity: {
        schedule: 'rate(1 minute)',
        assertions: [
          {
            name: 'every-order-has-its-line',
            sql: 'SELECT NOT EXISTS (SELECT FROM orders o WHERE NOT EXISTS (SELECT FROM order_lines WHERE order_id = o.id))',
          },
        ],
        checksums: [{ table: 'orders', column: 'checksum', expression: "md5(concat_ws('|', id, client, amount, site, details))" }],
        json: [{ table: 'orders', column: 'details' }],
      },
      backup: {
        verification: {
          assertions: [
            {
              name: 'every-line-has-its-order',
              sql: 'SELECT NOT EXISTS (SELECT FROM order_lines WHERE order_id NOT IN (SELECT id FROM orders))',
            },
          ],
        },
      },
    })),
  })),
});

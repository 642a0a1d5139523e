import { defineEnvironment } from './define.ts';

/**
 * The environment that the lab deploys, and the one to copy: `cp environments/demo.ts environments/prod.ts`, change what names your
 * resources, then `npx cdk deploy --all -c env=prod`. Fields that are left out have the defaults written in schema.ts.
 */
export default defineEnvironment({
  name: 'demo',
  account: '000000000000',
  sites: {
    primary: { region: 'us-east-1', isolatingSecurityGroupId: 'sg-0150a7e0' },
    recovery: { region: 'us-west-2', isolatingSecurityGroupId: 'sg-0150a7e0' },
  },
  // The witness only observes, and holds the third vote of the lease: with these three regions the ledger is strongly consistent.
  witness: { region: 'us-east-2' },
  detection: {
    intervalSeconds: 5,
    probeTimeoutSeconds: 2,
    confirmationSeconds: 20,
    // Pages of somebody else, outside both sites. When none of them answers either, the observer's own network is at fault.
    references: ['http://reference.example.net/'],
  },
  failover: { policy: 'automatic', cooldownMinutes: 30, lagOverObjective: 'ask', lagUnknown: 'refuse' },
  dns: { ttlSeconds: 10, checkIntervalSeconds: 10, failureThreshold: 1 },
  workloads: [
    {
      name: 'orders',
      objectives: { rtoSeconds: 300, rpoSeconds: 60 },
      databases: [
        {
          kind: 'rds-postgres-replica',
          name: 'orders',
          instances: { primary: 'orders-primary', recovery: 'orders-replica' },
          secret: 'orders/database',
          databaseName: 'orders',
          applicationRoles: ['orders_app'],
        },
      ],
      compute: [{ kind: 'ecs-service', name: 'orders', cluster: 'orders', service: 'orders', activeCount: 2, standbyCount: 0 }],
      endpoint: {
        publicName: 'orders.demo.example.com',
        hostedZone: { name: 'demo.example.com' },
        targets: { primary: 'orders.us-east-1.elb.amazonaws.com', recovery: 'orders.us-west-2.elb.amazonaws.com' },
        scheme: 'http', // the lab speaks no TLS; use https
        healthPath: '/health',
        writePath: '/health/write',
      },
    },
  ],
  tags: { team: 'platform', service: 'lifeboat' },
  terminationProtection: false, // a demo is thrown away; leave it out
});

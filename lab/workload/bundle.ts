import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** The workload's programs as single files, which start in a fraction of the time. */
export interface WorkloadPrograms {
  ordersService: string;
  client: string;
}

/** Bundles the workload's programs into a folder. */
export async function bundleWorkload(folder: string): Promise<WorkloadPrograms> {
  const source = (name: string) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  await build({
    entryPoints: [source('orders-service'), source('client')],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    external: ['pg-native', 'pg-cloudflare'],
    logLevel: 'error',
  });
  return { ordersService: join(folder, 'orders-service.cjs'), client: join(folder, 'client.cjs') };
}

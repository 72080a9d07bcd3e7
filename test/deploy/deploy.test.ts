import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const hasTool = (name: string): boolean => spawnSync(name, ['--version']).error === undefined;
const figures = new Set([...read('docs/metrics.md').matchAll(/^\| `(gatehouse_[a-z_]+)`/gm)].map(([, name]) => name));
/** A histogram is asked for by its parts. */
const figureOf = (name: string): string => name.replace(/_(bucket|sum|count)$/, '');
const figuresIn = (text: string): string[] => [...text.matchAll(/\bgatehouse_[a-z_]+/g)].map(([name]) => figureOf(name));
const settings = new Set(read('src/config.ts').match(/\bGATEHOUSE_[A-Z_]+\b/g));

t.test('docs/metrics.md lists every figure of the program, and no other', async (t) => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts') && !name.startsWith('console/'));
  const made = new Set(
    sources.flatMap((name) => [...read(join('src', name)).matchAll(/'(gatehouse_[a-z_]+)',\s*(?:labels|[`'"])/g)].map(([, figure]) => figure)),
  );
  t.same([...made].sort(), [...figures].sort());
});

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

t.test('every alert is made of figures that exist and leads to a section that says what to do', async (t) => {
  const rules = (parse(read('deploy/prometheus/gatehouse.rules.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
  const anchors = new Set([...read('docs/troubleshooting.md').matchAll(/^## (.+)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(' ', '-')));
  t.ok(rules.length >= 10);
  for (const { alert, expr, labels, annotations } of rules) {
    for (const figure of figuresIn(expr)) t.ok(figures.has(figure), `${alert}: ${figure}`);
    t.match(labels.severity, /^(warning|critical)$/, alert);
    const [page, anchor = ''] = annotations.runbook.split('#');
    t.equal(page, 'docs/troubleshooting.md');
    t.ok(anchors.has(anchor), `${alert}: ${annotations.runbook}`);
  }
});

t.test('promtool finds the alerts well formed, and they fire when they should', async (t) => {
  if (!hasTool('promtool')) return t.comment('promtool (Debian package prometheus) is not here: left out');
  for (const args of [
    ['check', 'rules', 'gatehouse.rules.yml'],
    ['test', 'rules', 'gatehouse.test.yml'],
  ]) {
    const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: join(root, 'deploy/prometheus'), encoding: 'utf8' });
    t.equal(status, 0, stdout + stderr);
  }
});

t.test('the dashboard asks for figures that exist', async (t) => {
  const { panels } = JSON.parse(read('deploy/grafana/gatehouse.json')) as { panels: { title: string; targets: { expr: string }[] }[] };
  t.ok(panels.length >= 10);
  for (const { title, targets } of panels) {
    for (const { expr } of targets) for (const figure of figuresIn(expr)) t.ok(figures.has(figure), `${title}: ${figure}`);
  }
});

const labels = z.record(z.string(), z.string());
const metadata = z.strictObject({ name: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/), labels, annotations: labels.optional() });
const port = z.union([z.int().min(1).max(65_535), z.string()]);
const probe = z.strictObject({
  httpGet: z.strictObject({ path: z.enum(['/healthz', '/readyz']), port, scheme: z.enum(['HTTP', 'HTTPS']).optional() }),
  periodSeconds: z.int(),
  failureThreshold: z.int().optional(),
  timeoutSeconds: z.int().optional(),
});
const volumeMount = z.strictObject({ name: z.string(), mountPath: z.string().startsWith('/'), readOnly: z.boolean().optional() });
const container = z.strictObject({
  name: z.string(),
  image: z.string().regex(/^gatehouse:\d+\.\d+\.\d+$/),
  envFrom: z.array(z.strictObject({ configMapRef: z.strictObject({ name: z.literal('gatehouse') }) })),
  env: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  ports: z.array(z.strictObject({ name: z.string(), containerPort: z.int() })),
  securityContext: z.strictObject({
    allowPrivilegeEscalation: z.literal(false),
    readOnlyRootFilesystem: z.literal(true),
    capabilities: z.strictObject({ drop: z.tuple([z.literal('ALL')]) }),
  }),
  resources: z.strictObject({ requests: z.strictObject({ cpu: z.string(), memory: z.string() }), limits: z.strictObject({ memory: z.string() }) }),
  startupProbe: probe,
  readinessProbe: probe,
  livenessProbe: probe,
  lifecycle: z.strictObject({ preStop: z.strictObject({ exec: z.strictObject({ command: z.array(z.string()) }) }) }),
  volumeMounts: z.array(volumeMount),
});
const volume = z.strictObject({
  name: z.string(),
  emptyDir: z.strictObject({}).optional(),
  secret: z.strictObject({ secretName: z.string(), defaultMode: z.literal(0o440) }).optional(),
  persistentVolumeClaim: z.strictObject({ claimName: z.string() }).optional(),
});
const podSpec = z.strictObject({
  automountServiceAccountToken: z.literal(false),
  terminationGracePeriodSeconds: z.int().min(35),
  securityContext: z.strictObject({
    runAsNonRoot: z.literal(true),
    runAsUser: z.literal(10_001),
    runAsGroup: z.int(),
    fsGroup: z.int(),
    seccompProfile: z.strictObject({ type: z.literal('RuntimeDefault') }),
  }),
  containers: z.array(container).length(1),
  volumes: z.array(volume),
});
const selector = z.strictObject({ matchLabels: labels });
const manifest = z.discriminatedUnion('kind', [
  z.strictObject({ apiVersion: z.literal('v1'), kind: z.literal('ConfigMap'), metadata, data: z.record(z.string(), z.string()) }),
  z.strictObject({
    apiVersion: z.literal('apps/v1'),
    kind: z.literal('Deployment'),
    metadata,
    spec: z.strictObject({
      replicas: z.int().min(2),
      selector,
      strategy: z.strictObject({ type: z.literal('RollingUpdate'), rollingUpdate: z.strictObject({ maxUnavailable: z.literal(0), maxSurge: z.int().min(1) }) }),
      template: z.strictObject({ metadata: z.strictObject({ labels, annotations: labels.optional() }), spec: podSpec }),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('PersistentVolumeClaim'),
    metadata,
    spec: z.strictObject({
      accessModes: z.array(z.enum(['ReadWriteMany', 'ReadWriteOnce'])),
      resources: z.strictObject({ requests: z.strictObject({ storage: z.string() }) }),
    }),
  }),
  z.strictObject({
    apiVersion: z.literal('v1'),
    kind: z.literal('Service'),
    metadata,
    spec: z.strictObject({ selector: labels, ports: z.array(z.strictObject({ name: z.string(), port: z.int(), targetPort: port })) }),
  }),
  z.strictObject({
    apiVersion: z.literal('policy/v1'),
    kind: z.literal('PodDisruptionBudget'),
    metadata,
    spec: z.strictObject({ minAvailable: z.int(), selector }),
  }),
]);

t.test('the Kubernetes manifests have the fields of their kinds, fit one another, and set only settings that exist', async (t) => {
  const documents = parseAllDocuments(read('deploy/kubernetes/gatehouse.yaml')).map((document) => document.toJS() as unknown);
  const parsed = documents.map((document) => manifest.safeParse(document));
  for (const result of parsed) t.ok(result.success, result.success ? '' : z.prettifyError(result.error));
  const all = parsed.flatMap((result) => (result.success ? [result.data] : []));
  const pods = all.flatMap((item) => (item.kind === 'Deployment' ? [item.spec] : []));
  t.equal(pods.length, 2);
  for (const { selector: chosen, template } of pods) {
    t.same(chosen.matchLabels, template.metadata.labels);
    const { containers, volumes } = template.spec;
    for (const { env, volumeMounts, ports, readinessProbe } of containers) {
      for (const { name } of env) t.ok(settings.has(name.replace(/_FILE$/, '')) || settings.has(name), name);
      t.same(volumeMounts.map(({ name }) => name).sort(), volumes.map(({ name }) => name).sort());
      t.equal(readinessProbe.httpGet.port, ports[0]?.name);
      t.equal(readinessProbe.httpGet.path, '/readyz');
    }
  }
  for (const item of all) {
    if (item.kind === 'ConfigMap') for (const name of Object.keys(item.data)) t.ok(settings.has(name.replace(/_FILE$/, '')) || settings.has(name), name);
    if (item.kind === 'Service')
      t.ok(
        pods.some(({ template }) => JSON.stringify(template.metadata.labels) === JSON.stringify(item.spec.selector)),
        item.metadata.name,
      );
  }
});

t.test('the replay of the Dockerfile understands every line of it, and nothing else', async (t) => {
  const { readDockerfile } = (await import(new URL('../../scripts/dockerfile.mjs', import.meta.url).href)) as {
    readDockerfile(text: string): readonly { base: string; user: string; stopSignal: string; entrypoint: string[]; healthcheck: string[]; steps: unknown[] }[];
  };
  const stages = readDockerfile(read('Dockerfile'));
  t.ok(stages.length > 1 && stages.every(({ steps }) => steps.length > 0));
  t.match(
    stages.at(-1),
    { user: /^[1-9]\d*:[1-9]\d*$/, stopSignal: 'SIGTERM', entrypoint: ['node', 'bin/gatehouse.js'], healthcheck: ['node', String] },
    'no root',
  );
  for (const line of ['ADD . .', 'ONBUILD RUN x', 'ENV a b', 'RUN']) t.throws(() => readDockerfile(`FROM a\n${line}`), line);
  t.throws(() => readDockerfile('RUN x'), 'before any stage');
});

t.test('the compose file names settings, secrets and volumes that exist', async (t) => {
  const file = parse(read('deploy/compose.yml')) as {
    services: Record<string, { environment: Record<string, string>; secrets: string[]; volumes: string[] }>;
    secrets: object;
    volumes: object;
  };
  for (const [service, { environment, secrets, volumes }] of Object.entries(file.services)) {
    for (const name of Object.keys(environment).filter((key) => key.startsWith('GATEHOUSE_')))
      t.ok(settings.has(name.replace(/_FILE$/, '')) || settings.has(name), name);
    for (const secret of secrets) t.ok(secret in file.secrets, `${service}: ${secret}`);
    for (const mount of volumes) t.ok((mount.split(':')[0] ?? '') in file.volumes, `${service}: ${mount}`);
  }
});

t.test('systemd finds the unit well formed', async (t) => {
  if (!hasTool('systemd-analyze')) return t.comment('systemd-analyze is not here: left out');
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', join(root, 'deploy/systemd/gatehouse.service')], { encoding: 'utf8' });
  const faults = (stdout + stderr).split('\n').filter((line) => line.includes('gatehouse.service') && !line.includes('is not executable'));
  t.same(faults, [], `exit code ${status}`);
});

t.test('every package of a production install has a licence that is on the list', async (t) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/licences.mjs')], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  t.match(stdout, /\d+ packages\n$/);
});

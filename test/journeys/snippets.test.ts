import { copyFileSync, existsSync } from 'node:fs';
import t, { type Test } from 'tap';
import { needs } from '../support/clients.js';
import { openBench } from '../support/openssl.js';
import { run } from '../support/run.js';
import { type RunningServer, startServer } from '../support/server.js';

interface Snippet {
  readonly client: string;
  readonly text: string;
}

async function snippetsOf(server: RunningServer, protocol: 'scep' | 'cmp'): Promise<ReadonlyMap<string, string>> {
  const profiles = (await (await server.api(`/api/v1/${protocol}-profiles`)).json()) as { items: { id: string }[] };
  const answer = await server.api(`/api/v1/${protocol}-profiles/${profiles.items[0]?.id}/snippets`);
  if (answer.status !== 200) throw new Error(await answer.text());
  const { items } = (await answer.json()) as { items: Snippet[] };
  return new Map(items.map(({ client, text }) => [client, text]));
}

t.setTimeout(120_000);

t.test('the snippets of a profile work as they are shown', async (t) => {
  const server = await startServer();
  t.teardown(() => server.dispose());
  const [scep, cmp] = [await snippetsOf(server, 'scep'), await snippetsOf(server, 'cmp')];
  const { reference, secret } = server.firstRun.cmp;
  const { challenge } = server.firstRun.scep;

  const bench = openBench();
  t.teardown(() => bench.remove());
  copyFileSync(server.firstRun.ca.file, bench.file('ca.pem'));
  const shell = async (t: Test, text: string | undefined, device: string) => {
    const env = { DEVICE: device, CHALLENGE: challenge, REFERENCE: reference, SECRET: secret };
    const ran = await run('/bin/sh', ['-eu', '-c', text ?? 'false'], { cwd: bench.dir, env });
    t.equal(ran.code, 0, ran.output);
    return ran;
  };

  t.test('they show no secret', async (t) => {
    const all = [...scep.values(), ...cmp.values()].join('\n');
    for (const hidden of [challenge, secret, reference]) t.notOk(all.includes(hidden));
    t.same([...scep.keys()], ['curl', 'strongswan', 'certmonger', 'sscep', 'cisco-ios', 'apple', 'intune']);
    t.same([...cmp.keys()], ['openssl', 'openssl-renewal', 'curl']);
  });

  t.test('openssl cmp: first certificate and renewal', needs('openssl'), async (t) => {
    await shell(t, cmp.get('openssl'), 'snippet-cmp');
    await shell(t, cmp.get('openssl-renewal'), 'snippet-cmp');
    for (const file of ['device.pem', 'next.pem']) t.equal((await bench.openssl('verify', '-CAfile', 'ca.pem', file)).code, 0, file);
  });

  t.test('strongSwan', needs('openssl', 'pki --scep'), async (t) => {
    await shell(t, scep.get('strongswan'), 'snippet-strongswan');
    t.match((await bench.openssl('x509', '-in', 'device.pem', '-noout', '-subject')).stdout, /snippet-strongswan/);
  });

  t.test('curl', { ...needs('openssl'), ...(existsSync('/usr/bin/curl') ? {} : { skip: 'needs curl' }) }, async (t) => {
    t.match((await shell(t, scep.get('curl'), 'x')).stdout, /SCEPStandard/);
    t.match(bench.read('scep-certificates.pem'), 'BEGIN CERTIFICATE');
    t.notMatch((await shell(t, cmp.get('curl'), 'x')).stdout, /^(000|404)/);
  });
});

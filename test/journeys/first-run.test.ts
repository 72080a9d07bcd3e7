import { existsSync, symlinkSync } from 'node:fs';
import t, { type Test } from 'tap';
import { needs } from '../support/clients.js';
import { type Bench, openBench } from '../support/openssl.js';
import { run } from '../support/run.js';
import { type RunningServer, startServer } from '../support/server.js';

/** The lines of a text that begin with one of these programs: what an operator would paste. */
function commandsIn(text: string, ...programs: readonly string[]): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => programs.some((program) => line.startsWith(`${program} `)));
}

async function paste(t: Test, bench: Bench, command: string): Promise<void> {
  const ran = await run('bash', ['-euo', 'pipefail', '-c', command], { cwd: bench.dir });
  t.equal(ran.code, 0, ran.output);
}

t.setTimeout(180_000);

t.test('the commands that the first start prints work when pasted', async (t) => {
  const server: RunningServer = await startServer();
  const bench = openBench();
  t.teardown(async () => {
    bench.remove();
    await server.dispose();
  });
  symlinkSync(server.dataDir, bench.file('data'));

  await t.test('CMP with openssl', needs('openssl'), async (t) => {
    const commands = commandsIn(server.output(), 'openssl');
    t.ok(commands.length >= 5, `there are commands to paste:\n${server.output()}`);
    for (const command of commands) await paste(t, bench, command);
    t.equal((await bench.openssl('verify', '-CAfile', server.firstRun.ca.file, 'device-2.pem')).code, 0, 'the renewed certificate verifies');
  });

  await t.test('SCEP with strongSwan', needs('openssl', 'pki --scep'), async (t) => {
    const commands = commandsIn(server.output(), 'pki');
    t.ok(commands.length >= 3, 'there are commands to paste');
    for (const command of commands) await paste(t, bench, command);
    t.equal((await bench.openssl('verify', '-CAfile', server.firstRun.ca.file, 'device-4.pem')).code, 0);
  });

  await t.test('SCEP with our own client', async (t) => {
    const commands = server
      .output()
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.includes(' enrol scep '));
    t.ok(commands.length >= 1, 'there is a command to paste');
    for (const command of commands) await paste(t, bench, command);
    t.ok(existsSync(bench.file('device-3.pem')));
  });
  t.end();
});

import t from 'tap';
import { haproxyFile, patroniFile } from './configuration.js';
import { missingPackages, packages } from './high-availability.js';

const member = { name: 'two', port: 5433, apiPort: 8009, directory: '/tmp/two' };

t.test('a server joins under its own name, and commits wait for a standby unless they are asked not to', async (t) => {
  const read = (isSynchronous: boolean) => JSON.parse(patroniFile({ member, etcdPort: 2379, bin: '/usr/lib/postgresql/15/bin', isSynchronous }));
  t.match(read(true), { name: 'two', postgresql: { listen: '127.0.0.1:5433', data_dir: '/tmp/two/data' }, etcd3: { hosts: '127.0.0.1:2379' } });
  t.match(read(true).bootstrap.dcs, { synchronous_mode: true, synchronous_mode_strict: true });
  t.match(read(false).bootstrap.dcs, { synchronous_mode: false, synchronous_mode_strict: false });
});

t.test('clients are led to the server whose Patroni says that it leads', async (t) => {
  const text = haproxyFile(5000, [member, { ...member, name: 'one', port: 5432, apiPort: 8008 }]);
  t.match(text, 'bind 127.0.0.1:5000');
  t.match(text, 'httpchk OPTIONS /primary');
  t.match(text, 'server two 127.0.0.1:5433 check port 8009\n  server one 127.0.0.1:5432 check port 8008');
});

t.test('what is missing is named as Debian names it', async (t) => {
  t.strictSame(
    missingPackages().filter((name) => !packages.some((known) => known === name)),
    [],
  );
});

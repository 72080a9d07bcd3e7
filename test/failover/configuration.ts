/** The files that Patroni and HAProxy are started with. */
import { join } from 'node:path';
import type { Member } from './high-availability.js';

interface PatroniSettings {
  readonly member: Member;
  readonly etcdPort: number;
  /** Where PostgreSQL's programs are. */
  readonly bin: string;
  readonly isSynchronous: boolean;
}

/** JSON is YAML. The times are the shortest that Patroni takes: a leader that is gone is replaced after about twenty seconds. */
export function patroniFile({ member, etcdPort, bin, isSynchronous }: PatroniSettings): string {
  const { name, port, apiPort, directory } = member;
  const parameters = {
    wal_log_hints: 'on',
    synchronous_commit: 'on',
    fsync: 'on',
    shared_buffers: '64MB',
    max_connections: 100,
    unix_socket_directories: directory,
  };
  const user = { username: 'postgres' };
  return JSON.stringify({
    scope: 'gatehouse',
    name,
    restapi: { listen: `127.0.0.1:${apiPort}`, connect_address: `127.0.0.1:${apiPort}` },
    etcd3: { hosts: `127.0.0.1:${etcdPort}` },
    bootstrap: {
      dcs: {
        ttl: 20,
        loop_wait: 1,
        retry_timeout: 5,
        master_start_timeout: 0,
        synchronous_mode: isSynchronous,
        synchronous_mode_strict: isSynchronous,
        maximum_lag_on_failover: 1_000_000_000,
        postgresql: { use_pg_rewind: true, use_slots: true, parameters },
      },
      initdb: [{ encoding: 'UTF8' }, { 'auth-host': 'trust' }, { 'auth-local': 'trust' }, { username: 'postgres' }],
      pg_hba: ['local all all trust', 'host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust'],
    },
    postgresql: {
      listen: `127.0.0.1:${port}`,
      connect_address: `127.0.0.1:${port}`,
      data_dir: join(directory, 'data'),
      bin_dir: bin,
      pgpass: join(directory, 'pgpass'),
      remove_data_directory_on_rewind_failure: true,
      remove_data_directory_on_diverged_timelines: true,
      authentication: { superuser: user, replication: user, rewind: user },
    },
  });
}

/** Leads to the server whose Patroni says that it leads; connections to one that no longer does are cut. */
export function haproxyFile(port: number, members: readonly Member[]): string {
  const servers = members.map((member) => `  server ${member.name} 127.0.0.1:${member.port} check port ${member.apiPort}`);
  return `${[
    'global',
    '  maxconn 500',
    'defaults',
    '  mode tcp',
    '  timeout connect 2s',
    '  timeout client 1h',
    '  timeout server 1h',
    '  timeout check 2s',
    'listen postgres',
    `  bind 127.0.0.1:${port}`,
    '  option httpchk OPTIONS /primary',
    '  http-check expect status 200',
    '  default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions',
    ...servers,
  ].join('\n')}\n`;
}

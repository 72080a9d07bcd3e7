import type { Config } from './config.js';
import type { Switch } from './tenancy/dangerous-switches.js';

interface Rule {
  readonly setting: string;
  /** undefined where it is not in force. */
  value(config: Config): string | undefined;
  readonly danger: string;
}

const rules: readonly Rule[] = [
  {
    setting: 'GATEHOUSE_MODE',
    value: ({ mode }) => (mode === 'dev' ? mode : undefined),
    danger: 'Connectors may reach any address, and demo profiles are served.',
  },
  {
    setting: 'GATEHOUSE_DATABASE_URL',
    value: ({ databaseUrl }) => (databaseUrl === undefined ? 'absent' : undefined),
    danger: 'The embedded database does not survive a power cut.',
  },
  {
    setting: 'GATEHOUSE_CONNECTOR_ALLOW',
    value: ({ connectorAllow }) => connectorAllow.join(', ') || undefined,
    danger: 'Connectors may reach these addresses inside.',
  },
  {
    setting: 'GATEHOUSE_ADMIN_URL',
    value: ({ adminUrl }) => (adminUrl.startsWith('http:') ? adminUrl : undefined),
    danger: 'Passwords, sessions and tokens of administrators travel unencrypted.',
  },
  {
    setting: 'GATEHOUSE_REQUIRE_TOTP',
    value: ({ totpRoles }) => (totpRoles.length === 0 ? 'absent' : undefined),
    danger: 'Administrators may sign in with a password alone.',
  },
  {
    setting: 'GATEHOUSE_ADMIN_TOKEN',
    value: ({ adminToken }) => (adminToken === undefined ? undefined : 'set'),
    danger: 'A token of a superadmin that does not expire stands in the environment.',
  },
  {
    setting: 'GATEHOUSE_TRUSTED_PROXIES',
    value: ({ trustedProxies }) => trustedProxies.filter((item) => item.endsWith('/0')).join(', ') || undefined,
    danger: 'Anyone may choose the address that limits and the audit trail see.',
  },
  {
    setting: 'GATEHOUSE_AUDIT_CHECKPOINT_DIR',
    value: ({ auditCheckpointDir }) => (auditCheckpointDir === undefined ? 'absent' : undefined),
    danger: 'Who can write to the database and to this machine can make a new audit trail; checkpoints, or a sink, kept elsewhere would tell.',
  },
];

/** What this node's environment allows and weakens something. */
export function switchesOfInstallation(config: Config): readonly Switch[] {
  return rules.flatMap(({ setting, value, danger }) => {
    const standing = value(config);
    return standing === undefined ? [] : [{ setting, value: standing, danger }];
  });
}

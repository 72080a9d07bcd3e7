import type { Connector } from '../../api/types.js';
import type { SettingField } from '../../components/settings.js';
import type { words } from '../../strings/index.js';

export type ConnectorType = Connector['type'];
export type FieldName = keyof typeof words.connectors.fields;

export type ConnectorField = SettingField<FieldName>;

const timing: readonly ConnectorField[] = [
  { name: 'timeoutMs', kind: 'number', isFurther: true },
  { name: 'maxProcessingMs', kind: 'number', isFurther: true },
  { name: 'concurrency', kind: 'number', isFurther: true },
];
const unknownCertificates: ConnectorField = { name: 'unknownCertificates', kind: 'select', choices: ['report', 'revoke', 'ignore'], isFurther: true };
const trustedCa: ConnectorField = { name: 'trustedCa', kind: 'pem', isFurther: true };

/** What each type of connector is asked for, in the order of its form. Settings that are not here stay as the API has them. */
export const connectorFields = {
  smtp: [
    { name: 'server', kind: 'text', isRequired: true },
    { name: 'port', kind: 'number' },
    { name: 'username', kind: 'text' },
    { name: 'password', kind: 'secret' },
    { name: 'from', kind: 'text' },
    { name: 'tls', kind: 'select', choices: ['implicit', 'starttls', 'starttls-if-offered', 'none'] },
    { name: 'replyTo', kind: 'text', isFurther: true },
    trustedCa,
    ...timing,
  ],
  ejbca: [
    { name: 'connectorUrl', kind: 'text', isRequired: true },
    { name: 'caName', kind: 'text', isRequired: true },
    { name: 'caUrl', kind: 'text' },
    { name: 'pfx', kind: 'file' },
    { name: 'pfxPassword', kind: 'secret' },
    { name: 'endEntityProfile', kind: 'text', isRequired: true },
    { name: 'certificateProfile', kind: 'text', isRequired: true },
    { name: 'serverName', kind: 'text', isFurther: true },
    trustedCa,
    { name: 'usernameScheme', kind: 'select', choices: ['identity', 'dn'], isFurther: true },
    { name: 'usernameParts', kind: 'list', isFurther: true },
    { name: 'usernamePrefix', kind: 'text', isVerbatim: true, isFurther: true },
    { name: 'usernamePostfix', kind: 'text', isVerbatim: true, isFurther: true },
    unknownCertificates,
    ...timing,
  ],
  'crypto-engine': [
    { name: 'url', kind: 'text', isRequired: true },
    { name: 'clientId', kind: 'text' },
    { name: 'clientSecret', kind: 'secret' },
    { name: 'caId', kind: 'text', isFurther: true },
    { name: 'profileId', kind: 'text', isFurther: true },
    { name: 'dialect', kind: 'select', choices: ['crypto-engine-v1', 'vault'], isFurther: true },
    { name: 'tokenUrl', kind: 'text', isFurther: true },
    { name: 'scope', kind: 'text', isFurther: true },
    { name: 'audience', kind: 'text', isFurther: true },
    { name: 'clientAuth', kind: 'select', choices: ['basic', 'post'], isFurther: true },
    { name: 'namespace', kind: 'text', isFurther: true },
    { name: 'authPath', kind: 'text', isFurther: true },
    trustedCa,
    unknownCertificates,
    ...timing,
  ],
} as const satisfies Record<ConnectorType, readonly ConnectorField[]>;

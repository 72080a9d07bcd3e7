import { Stack } from '@mantine/core';
import type { Connector } from '../../api/types.js';
import { useMay } from '../../app/session.js';
import { type Fact, Facts } from '../../components/facts.js';
import { Foreign } from '../../components/foreign.js';
import { isPem, pemText, showTime } from '../../components/format.js';
import { Moment } from '../../components/moment.js';
import { Panel } from '../../components/panel.js';
import { words } from '../../strings/index.js';
import { connectorFields } from './connector-fields.js';
import { ConnectionTest } from './test-report.js';

const { certificates, common, connectors, profiles } = words;
const labels: Readonly<Record<string, string>> = { ...connectors.fields, ...connectors.shownOnly };

/** What a connector was given, in the order of its form, and whether it works. */
export function Configuration({ connector }: { readonly connector: Connector }) {
  const may = useMay();
  const { id, type, config, tenant, createdAt, updatedAt } = connector;
  return (
    <Stack gap="md">
      <Panel title={connectors.types[type]}>
        <Facts
          facts={[
            { label: connectors.type, value: connectors.types[type] },
            { label: connectors.tenant, value: <Foreign text={tenant} wrap /> },
            ...factsOf(type, config),
            { label: profiles.createdAt, value: <Moment at={createdAt} exact /> },
            { label: profiles.changed, value: <Moment at={updatedAt} exact /> },
          ]}
        />
      </Panel>
      {isCertificate(config.clientCertificate) && <ClientCertificate certificate={config.clientCertificate} />}
      {may('connector:test') && (
        <Panel title={connectors.test}>
          <ConnectionTest path={`/connectors/${id}/test`} body={{}} isMail={type === 'smtp'} />
        </Panel>
      )}
    </Stack>
  );
}

function factsOf(type: Connector['type'], config: Readonly<Record<string, unknown>>): Fact[] {
  const asked: readonly string[] = connectorFields[type].map(({ name }) => name);
  const others = Object.keys(config).filter((name) => !asked.includes(name) && name !== 'clientCertificate');
  const names = [...asked.filter((name) => config[name] !== undefined), ...others.sort()];
  return names.map((name) => ({ label: labels[name] ?? name, value: <Foreign text={shown(config[name])} wrap /> }));
}

/** A setting as text; a secret by whether there is one and since when. */
function shown(value: unknown): string {
  if (value === '' || value === null) return common.none;
  if (isPem(value)) return pemText(value);
  if (typeof value === 'boolean') return value ? common.yes : common.no;
  if (Array.isArray(value)) return value.join(', ');
  if (typeof value !== 'object') return String(value);
  const { set, updatedAt } = value as { readonly set: boolean; readonly updatedAt: string | null };
  return set && updatedAt !== null ? `•••••••• (${showTime(updatedAt)})` : common.secretUnset;
}

interface ClientCertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly sha256: string;
}

const isCertificate = (value: unknown): value is ClientCertificateFacts => typeof value === 'object' && value !== null && 'sha256' in value;

/** What EJBCA knows Gatehouse by: the certificate that was in the PFX. */
function ClientCertificate({ certificate: { subject, issuer, serial, notBefore, notAfter, sha256 } }: { readonly certificate: ClientCertificateFacts }) {
  return (
    <Panel title={connectors.clientCertificate}>
      <Facts
        facts={[
          { label: certificates.columns.subject, value: <Foreign text={subject} wrap /> },
          { label: certificates.issuerLabel, value: <Foreign text={issuer} wrap /> },
          { label: certificates.serial, value: serial },
          { label: certificates.columns.notBefore, value: showTime(notBefore) },
          { label: certificates.columns.notAfter, value: showTime(notAfter) },
          { label: certificates.sha256, value: sha256 },
        ]}
      />
    </Panel>
  );
}

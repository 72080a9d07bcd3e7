import { Button, Group, Stack } from '@mantine/core';
import type { UnknownCertificate } from '../../api/types.js';
import { CopiedUrl } from '../../components/copied-url.js';
import { saveAs } from '../../components/download.js';
import { Facts } from '../../components/facts.js';
import { Moment } from '../../components/moment.js';
import { words } from '../../strings/index.js';
import { unknownCertificates as text } from '../../strings/unknown-certificates.js';
import { ConnectorLink } from '../profiles/connector-link.js';

const { certificates } = words;
const { columns } = text;

/** One certificate that nobody here asked for, with what was decided about it. */
export function UnknownFacts({ item }: { readonly item: UnknownCertificate }) {
  const save = (): void => saveAs(new Blob([item.certificate], { type: 'application/x-pem-file' }), `${item.serial}.pem`);
  return (
    <Stack gap="sm">
      <Facts
        facts={[
          { label: columns.subject, value: item.subject },
          { label: certificates.issuerLabel, value: item.issuer },
          { label: columns.serial, value: <CopiedUrl url={item.serial} what={columns.serial} /> },
          { label: certificates.columns.notBefore, value: <Moment at={item.notBefore} exact /> },
          { label: columns.notAfter, value: <Moment at={item.notAfter} exact /> },
          { label: columns.connector, value: <ConnectorLink id={item.connectorId} /> },
          { label: columns.origin, value: item.isOurs ? text.oursHint : text.notOursHint },
          { label: columns.state, value: text.states[item.state] },
          { label: columns.found, value: <Moment at={item.foundAt} exact /> },
          item.decidedAt !== null && { label: text.decided, value: <Moment at={item.decidedAt} exact /> },
          item.reason !== '' && { label: text.reason, value: item.reason },
          item.lastError !== null && { label: text.lastError, value: item.lastError },
        ]}
      />
      <Group justify="end">
        <Button variant="default" onClick={save}>
          {text.download}
        </Button>
      </Group>
    </Stack>
  );
}

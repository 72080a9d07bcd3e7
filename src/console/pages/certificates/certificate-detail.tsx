import { Anchor, Badge, Button, Group, Stack, Text } from '@mantine/core';
import { IconCertificate, IconDownload } from '@tabler/icons-react';
import { useMutation, useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { callForBytes } from '../../api/call.js';
import { oneQuery } from '../../api/queries.js';
import type { Certificate, CertificateChain } from '../../api/types.js';
import { CopiedUrl } from '../../components/copied-url.js';
import { saveAs } from '../../components/download.js';
import { Facts } from '../../components/facts.js';
import { Foreign } from '../../components/foreign.js';
import { showDay } from '../../components/format.js';
import { Moment } from '../../components/moment.js';
import { PageHead } from '../../components/page-head.js';
import { Panel } from '../../components/panel.js';
import { ProblemAlert } from '../../components/problem-alert.js';
import { Whole } from '../../components/whole.js';
import { words } from '../../strings/index.js';
import { ConnectorLink } from '../profiles/connector-link.js';
import { CertificateStatus } from './certificate-status.js';
import { Revocation } from './revocation.js';

const { certificates, common, orders, profiles } = words;

export function CertificateDetail() {
  const { id } = useParams({ strict: false }) as { readonly id: string };
  const result = useQuery(oneQuery<Certificate>(`/certificates/${id}`, {}, 5_000));
  return <Whole result={result}>{(certificate) => <Detail certificate={certificate} />}</Whole>;
}

const colons = (hex: string): string => (hex.match(/../g) ?? []).join(':').toUpperCase();

function Detail({ certificate }: { readonly certificate: Certificate }) {
  const { subject, issuer, serial, sans, notBefore, notAfter, sha256, orderId, connectorId, revocationReason } = certificate;
  return (
    <Stack gap="md">
      <PageHead title={subject === '' ? orders.noSubject : subject} mark={<CertificateStatus certificate={certificate} />}>
        <Downloads certificate={certificate} />
        <Revocation certificate={certificate} />
      </PageHead>
      <Panel title={words.orders.certificate}>
        <Facts
          facts={[
            { label: certificates.columns.subject, value: <Foreign text={subject} wrap /> },
            { label: certificates.issuerLabel, value: <Foreign text={issuer} wrap /> },
            { label: certificates.serial, value: <CopiedUrl url={serial} what={certificates.serial} /> },
            { label: certificates.sans, value: sans.length === 0 ? common.none : <Foreign text={sans.join(', ')} wrap /> },
            { label: certificates.columns.notBefore, value: <Moment at={notBefore} exact /> },
            { label: certificates.columns.notAfter, value: <Moment at={notAfter} exact /> },
            { label: certificates.sha256, value: <CopiedUrl url={colons(sha256)} what={certificates.sha256} /> },
            revocationReason !== null && { label: certificates.revokedBecause, value: revocationReason },
            { label: profiles.connector, value: <ConnectorLink id={connectorId} /> },
            orderId !== null && {
              label: certificates.order,
              value: (
                <Anchor component={Link} to={`/orders/${orderId}`} size="sm">
                  {common.view}
                </Anchor>
              ),
            },
          ]}
        />
      </Panel>
      <Chain id={certificate.id} />
    </Stack>
  );
}

const verdictColours = { ok: 'green', failed: 'red', unknown: 'gray' } as const;

/** The certificate and the CAs above it, the root at the top as the eye expects it. */
function Chain({ id }: { readonly id: string }) {
  const result = useQuery(oneQuery<CertificateChain>(`/certificates/${id}/chain`));
  return (
    <Panel title={certificates.chain}>
      <Whole result={result}>
        {({ items }) => (
          <Stack gap="xs">
            {items.toReversed().map(({ subject, sha256, notAfter, verdict }, depth) => (
              <Group key={sha256} gap="xs" wrap="nowrap" align="start" pl={depth * 24}>
                <IconCertificate size={17} aria-hidden style={{ flexShrink: 0, marginTop: 3 }} />
                <div style={{ minWidth: 0, flex: 1 }}>
                  <Text size="sm" fw={600} component="div">
                    <Foreign text={subject === '' ? orders.noSubject : subject} wrap />
                  </Text>
                  <Text size="xs" c="dimmed" className="foreign">
                    {certificates.columns.notAfter} {showDay(notAfter)} · {sha256}
                  </Text>
                </div>
                <Badge color={verdictColours[verdict]}>{certificates.signatures[verdict]}</Badge>
              </Group>
            ))}
          </Stack>
        )}
      </Whole>
    </Panel>
  );
}

const forms = {
  pem: { label: certificates.downloadPem, type: 'application/x-pem-file', below: '', ending: '.pem' },
  der: { label: certificates.downloadDer, type: 'application/pkix-cert', below: '', ending: '.cer' },
  chain: { label: certificates.downloadChain, type: 'application/x-pem-file', below: '/chain', ending: '-chain.pem' },
} as const;

function Downloads({ certificate: { id, serial } }: { readonly certificate: Certificate }) {
  const fetching = useMutation({
    mutationFn: async ({ type, below, ending }: (typeof forms)[keyof typeof forms]) =>
      saveAs(await callForBytes(`/certificates/${id}${below}`, type), `${serial}${ending}`),
  });
  return (
    <Group gap="xs">
      {fetching.isError && <ProblemAlert error={fetching.error} />}
      {Object.values(forms).map((form) => (
        <Button key={form.ending} variant="default" leftSection={<IconDownload size={16} aria-hidden />} onClick={() => fetching.mutate(form)}>
          {form.label}
        </Button>
      ))}
    </Group>
  );
}

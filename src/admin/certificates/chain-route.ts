import type { z } from 'zod';
import { type Certificate, parseCertificate, toPem, verifyCertificate } from '../../pkix/index.js';
import type { AdminApp } from '../app.js';
import { callerOf } from '../caller.js';
import { idParams } from '../field.js';
import { answers, orInForms } from '../openapi.js';
import type { AdminParts } from '../ports.js';
import { shownCertificate } from '../ra-keys/schema.js';
import { certificateChainSchema } from './chain-schema.js';
import { findCertificate } from './find.js';
import { preferredForm } from './form.js';

type Link = z.output<typeof certificateChainSchema>['items'][number];

/** A certificate and the CAs above it: one by one with the verdict of each signature, or as one PEM file. */
export function certificateChainRoute(app: AdminApp, deps: AdminParts): void {
  app.get(
    '/certificates/:id/chain',
    {
      config: { access: 'certificate:read' },
      schema: {
        tags: ['certificates'],
        operationId: 'getCertificateChain',
        summary: 'Read a certificate with its CAs; `Accept: application/x-pem-file` gives all of them as one file',
        params: idParams,
        response: answers({ 200: orInForms(certificateChainSchema, { 'application/x-pem-file': 'PEM, the certificate first' }) }),
      },
    },
    async (request, reply) => {
      const certificate = await findCertificate(deps, callerOf(request), request.params.id);
      // A CA that is away must not keep the certificate back.
      const above = (await deps.chainOf?.(certificate.connectorId).catch(() => [])) ?? [];
      const items = linksOf([certificate.der, ...above]);
      reply.header('vary', 'accept');
      if (preferredForm(request.headers.accept) === 'application/json') return { items };
      reply.type('application/x-pem-file').header('content-disposition', `attachment; filename="${certificate.serial}-chain.pem"`);
      return reply.serializer((body: unknown) => body as string).send(items.map(({ pem }) => pem).join('') as never);
    },
  );
}

function linksOf(ders: readonly Buffer[]): Link[] {
  const parsed = ders.flatMap((der) => {
    const certificate = parseCertificate(der);
    return certificate.ok ? [certificate.value] : [];
  });
  return parsed.map((certificate, place) => ({
    ...shownCertificate(certificate),
    pem: toPem('CERTIFICATE', certificate.der),
    verdict: verdictOf(certificate, parsed[place + 1] ?? selfOf(certificate)),
  }));
}

function selfOf(certificate: Certificate): Certificate | undefined {
  return certificate.issuer.der.equals(certificate.subject.der) ? certificate : undefined;
}

function verdictOf(certificate: Certificate, issuer: Certificate | undefined): Link['verdict'] {
  if (issuer === undefined || !certificate.issuer.der.equals(issuer.subject.der)) return 'unknown';
  return verifyCertificate(certificate, issuer.publicKey).ok ? 'ok' : 'failed';
}

import { z } from 'zod';
import { crlReasons } from '../../pkix/index.js';
import { engineScopes } from '../ports.js';
import { revokeBodySchema } from './certificates.js';
import { listQuerySchema } from './list-certificates.js';
import { type EngineProblemCode, engineProblems } from './problem.js';
import { issueBodySchema } from './signing-request.js';

const time = z.iso.datetime();
const certificates = z.array(z.string()).describe('PEM, the issuing CA first, the root last');

const certificate = z.strictObject({
  serialNumber: z.string().describe('Lower-case hexadecimal'),
  status: z.enum(['ACTIVE', 'ON_HOLD', 'REVOKED', 'EXPIRED']),
  certificate: z.string().describe('PEM'),
  chain: certificates,
  subject: z.string(),
  issuer: z.string(),
  notBefore: time,
  notAfter: time,
  fingerprintSha256: z.string(),
  profileId: z.string().optional(),
  issuedAt: time.optional(),
  revokedAt: time.optional(),
  revocationReason: z.enum(crlReasons).optional(),
});

/** What the calls answer, as other programs may rely on it. */
export const engineAnswers = {
  Token: z.strictObject({ access_token: z.string(), token_type: z.literal('Bearer'), expires_in: z.int(), scope: z.string() }),
  TokenFault: z.strictObject({ error: z.enum(['invalid_request', 'unsupported_grant_type', 'invalid_client', 'invalid_scope']) }),
  Health: z.strictObject({
    status: z.enum(['UP', 'DEGRADED', 'DOWN']),
    version: z.string(),
    components: z.record(z.string(), z.strictObject({ status: z.enum(['UP', 'DOWN']) })),
  }),
  Authorities: z.strictObject({
    items: z.array(
      z.strictObject({
        id: z.string(),
        name: z.string(),
        subject: z.string().describe('RFC 4514'),
        status: z.enum(['ACTIVE', 'OFFLINE', 'EXPIRED']),
        notAfter: time,
        profiles: z.array(z.strictObject({ id: z.string(), name: z.string(), keyAlgorithms: z.array(z.string()), maxValidityDays: z.int() })),
      }),
    ),
  }),
  Chain: z.strictObject({ certificates }),
  Certificate: certificate,
  Certificates: z.strictObject({ items: z.array(certificate), nextCursor: z.string().nullable().describe('For the next page; null at the end') }),
  Problem: z.strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: z.enum(Object.keys(engineProblems) as [EngineProblemCode, ...EngineProblemCode[]]),
    retryable: z.boolean(),
    retryAfterSeconds: z.int().optional(),
    correlationId: z.string(),
    violations: z.array(z.strictObject({ field: z.string(), rule: z.string(), detail: z.string() })).optional(),
  }),
} as const;

type AnswerName = keyof typeof engineAnswers;

const schemaOf = (schema: z.ZodType, io: 'input' | 'output' = 'output') => {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
};
const refTo = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const json = (name: AnswerName, description: string) => ({ description, content: { 'application/json': { schema: refTo(name) } } });
const der = (description: string) => ({ description, content: { 'application/pkix-crl': { schema: { type: 'string', format: 'binary' } } } });
const problem = { description: 'The call was refused or failed', content: { 'application/problem+json': { schema: refTo('Problem') } } };
const refusals = { '4XX': problem, '5XX': problem };
const inPath = (name: string, description: string) => ({ name, in: 'path', required: true, description, schema: { type: 'string' } });
const caId = inPath('caId', 'Id of the CA; "issuing" is whichever CA issues at the moment');
const serial = inPath('serial', 'Serial number, hexadecimal without separators');
const idempotencyKey = (required: boolean) => ({
  name: 'Idempotency-Key',
  in: 'header',
  required,
  description: 'A UUID, the same in every repetition',
  schema: { type: 'string', format: 'uuid' },
});
const inQuery = (schema: z.ZodObject) =>
  Object.entries(schema.shape).map(([name, field]) => ({
    name,
    in: 'query',
    required: !field.safeParse(undefined).success,
    description: field.meta()?.description,
    schema: schemaOf(field, 'input'),
  }));
const needs = (scope: string) => [{ oauth2: [scope] }];
const bodyOf = (schema: z.ZodType, required = true) => ({ required, content: { 'application/json': { schema: schemaOf(schema, 'input') } } });

/** Crypto Engine API v1 as this engine serves it: OpenAPI 3.1. Paths are relative to where it is served. */
export function engineApiDocument(version: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Crypto Engine API',
      version: `v1 (${version})`,
      description: 'Certificates from the embedded engine, for registration authorities elsewhere.',
    },
    servers: [{ url: '/engine' }],
    paths,
    components: {
      securitySchemes: {
        oauth2: {
          type: 'oauth2',
          flows: { clientCredentials: { tokenUrl: '/engine/oauth2/token', scopes: Object.fromEntries(engineScopes.map((scope) => [scope, scope])) } },
        },
      },
      schemas: Object.fromEntries(Object.entries(engineAnswers).map(([name, schema]) => [name, schemaOf(schema)])),
    },
  };
}

const paths = {
  '/oauth2/token': {
    post: {
      operationId: 'getToken',
      summary: 'An access token by client credentials (RFC 6749 section 4.4); HTTP Basic, or client_id and client_secret in the form',
      requestBody: {
        required: true,
        content: { 'application/x-www-form-urlencoded': { schema: { type: 'object', required: ['grant_type'], properties: tokenForm() } } },
      },
      responses: {
        200: json('Token', 'A token of ten minutes'),
        400: json('TokenFault', 'Refused'),
        401: json('TokenFault', 'Unknown client or wrong secret'),
      },
      security: [],
    },
  },
  '/v1/health': {
    get: {
      operationId: 'getHealth',
      summary: 'Whether certificates can be had',
      responses: { 200: json('Health', 'Up'), 503: json('Health', 'Down') },
      security: [],
    },
  },
  '/v1/cas': {
    get: {
      operationId: 'listCas',
      summary: 'The CAs and their profiles',
      responses: { 200: json('Authorities', 'What this client may use'), ...refusals },
      security: needs('ca.read'),
    },
  },
  '/v1/cas/{caId}/chain': {
    get: {
      operationId: 'getChain',
      summary: 'The chain, with an ETag',
      parameters: [caId],
      responses: { 200: json('Chain', 'The chain'), 304: { description: 'As known by If-None-Match' }, ...refusals },
      security: needs('ca.read'),
    },
  },
  '/v1/cas/{caId}/crl': {
    get: {
      operationId: 'getCrl',
      summary: 'The newest revocation list; there are no deltas',
      parameters: [caId],
      responses: { 200: der('The list'), 304: { description: 'As known by If-None-Match' }, ...refusals },
      security: needs('ca.read'),
    },
  },
  '/v1/cas/{caId}/certificates': {
    get: {
      operationId: 'listCertificates',
      summary: 'The certificates that this client ordered in a span of time, by the time of their issue',
      parameters: [caId, ...inQuery(listQuerySchema)],
      responses: { 200: json('Certificates', 'A page of a hundred'), ...refusals },
      security: needs('ca.read'),
    },
    post: {
      operationId: 'issueCertificate',
      summary: 'Issue a certificate. The same Idempotency-Key gets the same certificate; subject and names that are absent come from the CSR',
      parameters: [caId, idempotencyKey(true)],
      requestBody: bodyOf(issueBodySchema),
      responses: { 201: json('Certificate', 'Issued; Idempotency-Replayed: true when it was before'), ...refusals },
      security: needs('ca.issue'),
    },
  },
  '/v1/cas/{caId}/certificates/{serial}': {
    get: {
      operationId: 'getCertificate',
      summary: 'A certificate that this client ordered, and its status',
      parameters: [caId, serial],
      responses: { 200: json('Certificate', 'The certificate'), ...refusals },
      security: needs('ca.read'),
    },
  },
  '/v1/cas/{caId}/certificates/{serial}/revoke': {
    post: {
      operationId: 'revokeCertificate',
      summary: 'Revoke a certificate that this client ordered; certificateHold puts it on hold, removeFromCRL lifts that',
      parameters: [caId, serial, idempotencyKey(false)],
      requestBody: bodyOf(revokeBodySchema, false),
      responses: { 200: json('Certificate', 'Revoked, now or before for the same reason'), ...refusals },
      security: needs('ca.revoke'),
    },
  },
  '/v1/operations/{id}': {
    get: {
      operationId: 'getOperation',
      summary: 'This engine answers every call at once: there is never an operation to ask after',
      parameters: [inPath('id', 'Id of the operation')],
      responses: refusals,
      security: needs('ca.read'),
    },
    delete: {
      operationId: 'cancelOperation',
      summary: 'As for asking after it',
      parameters: [inPath('id', 'Id of the operation')],
      responses: refusals,
      security: needs('ca.issue'),
    },
  },
};

function tokenForm() {
  const text = { type: 'string' };
  return {
    grant_type: { const: 'client_credentials' },
    scope: { type: 'string', description: 'Space-separated; all by default' },
    client_id: text,
    client_secret: text,
  };
}

import type { FastifyInstance } from 'fastify';
import { serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { accountRoutes } from './accounts/routes.js';
import type { AdminApp } from './app.js';
import { auditChainRoutes } from './audit-events/chain-routes.js';
import { auditEventRoutes } from './audit-events/routes.js';
import { auditSinkRoutes } from './audit-sinks/routes.js';
import { bulkRoutes } from './bulk-routes.js';
import { guardRoutes } from './caller.js';
import { certificateChainRoute } from './certificates/chain-route.js';
import { certificateRoutes } from './certificates/routes.js';
import { deviceSecretRoutes } from './cmp-profiles/device-secret-routes.js';
import { cmpProfileRoutes } from './cmp-profiles/routes.js';
import { vendorDeviceRoutes } from './cmp-profiles/vendor-device-routes.js';
import { connectorLogRoutes } from './connectors/log-routes.js';
import { connectorMonitoringRoutes } from './connectors/monitoring-routes.js';
import { connectorRoutes } from './connectors/routes.js';
import { connectorTestRoutes } from './connectors/test-routes.js';
import { dashboardRoutes } from './dashboard/routes.js';
import { decodeRoutes } from './decode/routes.js';
import { engineCaRoutes } from './engine-cas/routes.js';
import { engineClientRoutes } from './engine-clients/routes.js';
import { handleErrors, handleUnknownRoutes } from './error-handler.js';
import { healthRoutes } from './health/routes.js';
import { honourIdempotencyKeys } from './idempotency.js';
import { memoryIdempotencyStore } from './idempotency-memory.js';
import { mailRoutes } from './mails/routes.js';
import { notificationRuleRoutes, notificationRuleTestRoute } from './notification-rules/routes.js';
import { describeRoutes, serveDocs } from './openapi.js';
import { orderEventFeed } from './orders/event-feed.js';
import { orderEventRoutes } from './orders/event-routes.js';
import { orderEvidenceRoute } from './orders/evidence-route.js';
import { orderMessagesRoute } from './orders/messages-route.js';
import { givenUpRevocationRoutes } from './orders/revocation-routes.js';
import { orderApprovalsRoute, orderDecisionRoutes, orderRoutes } from './orders/routes.js';
import { stuckOrderRoutes } from './orders/stuck-routes.js';
import { type AdminDeps, type AdminParts, defaultLimits, type IdentityParts } from './ports.js';
import { raKeyRoutes } from './ra-keys/routes.js';
import { refusalRoutes } from './refusals/routes.js';
import { reportRoutes } from './reports/routes.js';
import { type RouteTable, recordRoutes } from './route-table.js';
import { scepChallengeRoutes } from './scep-profiles/challenge-routes.js';
import { scepMobileconfigRoute } from './scep-profiles/mobileconfig-route.js';
import { scepProfileRoutes } from './scep-profiles/routes.js';
import { setSecurityHeaders } from './security-headers.js';
import { ownPasswordRoute, ownSessionRoutes, ownTotpRoutes } from './session/own-routes.js';
import { providerRoutes } from './session/provider-routes.js';
import { sessionRoutes, signInRoutes } from './session/routes.js';
import { snippetRoutes } from './snippets/routes.js';
import { tenantRoutes } from './tenants/routes.js';
import { testEnrolmentRoutes } from './test-enrolment/routes.js';
import { tokenRoutes } from './tokens/routes.js';
import { unknownCertificateRoutes } from './unknown-certificates/routes.js';
import { userCredentialRoutes } from './users/credential-routes.js';
import { userRoutes } from './users/routes.js';
import { acceptJsonOnly, validateRequests } from './validate.js';

/** Serves the API, its description and the probes on the admin listener; everything else on it is the caller's. */
export async function registerAdmin(app: FastifyInstance, deps: AdminDeps): Promise<void> {
  const parts: AdminParts = { ...deps, idempotency: deps.idempotency ?? memoryIdempotencyStore(deps.clock), limits: deps.limits ?? defaultLimits };
  const table: RouteTable = [];
  app.decorate('adminRoutes', table);
  await app.register(async (scope) => serveProbes(scope, parts));
  await app.register(async (scope) => serveApi(scope, parts, table), { prefix: '/api' });
}

async function serveProbes(app: FastifyInstance, deps: AdminParts): Promise<void> {
  handleErrors(app, deps.log);
  setSecurityHeaders(app);
  healthRoutes(app, deps);
}

async function serveApi(app: FastifyInstance, deps: AdminParts, table: RouteTable): Promise<void> {
  recordRoutes(app, table);
  handleErrors(app, deps.log);
  handleUnknownRoutes(app, table);
  setSecurityHeaders(app);
  await describeRoutes(app);
  await app.register(async (scope) => serveResources(scope, deps), { prefix: '/v1' });
  await serveDocs(app);
}

/** One line per resource. */
async function serveResources(scope: FastifyInstance, deps: AdminParts): Promise<void> {
  guardRoutes(scope, deps);
  acceptJsonOnly(scope, deps.limits.bodyBytes);
  validateRequests(scope);
  honourIdempotencyKeys(scope, deps);
  scope.setSerializerCompiler(serializerCompiler);
  const app = scope.withTypeProvider<ZodTypeProvider>();
  sessionRoutes(app, deps);
  if (deps.identity !== undefined) identityRoutes(app, deps, deps.identity);
  tenantRoutes(app, deps);
  connectorRoutes(app, deps);
  if (deps.connectorTester !== undefined) connectorTestRoutes(app, deps, deps.connectorTester);
  watchedConnectors(app, deps);
  cmpProfileRoutes(app, deps);
  bulkRoutes(app, deps);
  if (deps.stuckOrders !== undefined) stuckOrderRoutes(app, deps, deps.stuckOrders);
  if (deps.givenUpRevocations !== undefined) givenUpRevocationRoutes(app, deps, deps.givenUpRevocations);
  if (deps.unknownCertificates !== undefined) unknownCertificateRoutes(app, deps.unknownCertificates);
  if (deps.deviceSecrets !== undefined) deviceSecretRoutes(app, deps, deps.deviceSecrets);
  if (deps.vendorDevices !== undefined) vendorDeviceRoutes(app, deps, deps.vendorDevices);
  scepProfileRoutes(app, deps);
  scepChallengeRoutes(app, deps);
  scepMobileconfigRoute(app, deps);
  raKeyRoutes(app, deps);
  if (deps.enrolmentTester !== undefined) testEnrolmentRoutes(app, deps, deps.enrolmentTester);
  if (deps.engineCas !== undefined) engineCaRoutes(app, deps, deps.engineCas);
  if (deps.engineClients !== undefined) engineClientRoutes(app, deps, deps.engineClients);
  snippetRoutes(app, deps);
  if (deps.dashboard !== undefined) dashboardRoutes(app, deps.dashboard);
  if (deps.orderEvents !== undefined) orderEventRoutes(app, orderEventFeed(deps.orderEvents, deps.log, { pollMs: 1_000 }));
  orderRoutes(app, deps);
  orderMessagesRoute(app, deps);
  orderDecisionRoutes(app, deps);
  if (deps.approvals !== undefined) orderApprovalsRoute(app, deps, deps.approvals);
  refusalRoutes(app, deps);
  certificateRoutes(app, deps);
  certificateChainRoute(app, deps);
  accountRoutes(app, deps);
  auditRoutes(app, deps);
  decodeRoutes(app, deps);
  notifications(app, deps);
  app.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () => app.swagger());
}

function auditRoutes(app: AdminApp, deps: AdminParts): void {
  auditEventRoutes(app, deps);
  if (deps.auditChain !== undefined) auditChainRoutes(app, deps, deps.auditChain);
  if (deps.auditChain !== undefined) orderEvidenceRoute(app, deps, deps.auditChain);
  if (deps.auditSinks !== undefined) auditSinkRoutes(app, deps, deps.auditSinks);
}

function identityRoutes(app: AdminApp, deps: AdminParts, identity: IdentityParts): void {
  signInRoutes(app, deps, identity);
  if (identity.provider !== undefined) providerRoutes(app, deps, identity, identity.provider);
  ownSessionRoutes(app, deps, identity);
  ownPasswordRoute(app, deps, identity);
  ownTotpRoutes(app, deps, identity);
  userRoutes(app, deps, identity);
  userCredentialRoutes(app, deps, identity);
  tokenRoutes(app, deps, identity);
  reportRoutes(app, deps, identity);
}

function watchedConnectors(app: AdminApp, deps: AdminParts): void {
  const { connectorLog: log, connectorHealth: health } = deps;
  if (log === undefined || health === undefined) return;
  connectorLogRoutes(app, deps, log);
  connectorMonitoringRoutes(app, deps, { health, log });
}

function notifications(app: AdminApp, deps: AdminParts): void {
  const { notificationRules: rules, mails, ruleTester } = deps;
  if (rules !== undefined) notificationRuleRoutes(app, deps, rules);
  if (rules !== undefined && ruleTester !== undefined) notificationRuleTestRoute(app, rules, ruleTester);
  if (mails !== undefined) mailRoutes(app, mails);
}

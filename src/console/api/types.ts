import type { z } from 'zod';
import type { accountSchema } from '../../admin/accounts/schema.js';
import type { auditEventDetailSchema, auditEventSchema, checkpointListSchema } from '../../admin/audit-events/schema.js';
import type { sinkSchema } from '../../admin/audit-sinks/schema.js';
import type { bulkAnswerSchema } from '../../admin/bulk-schema.js';
import type { certificateChainSchema } from '../../admin/certificates/chain-schema.js';
import type { certificateSchema } from '../../admin/certificates/schema.js';
import type { cmpProfileSchema, cmpSummarySchema, rotatedSecretSchema } from '../../admin/cmp-profiles/schema.js';
import type { connectorCallSchema } from '../../admin/connectors/log-schema.js';
import type { connectorMonitoringSchema } from '../../admin/connectors/monitoring-schema.js';
import type { connectorOptionsSchema, connectorSchema, connectorSummarySchema, testReportSchema } from '../../admin/connectors/schema.js';
import type { dashboardSchema } from '../../admin/dashboard/schema.js';
import type { decodedSchema, fieldSchema } from '../../admin/decode/schema.js';
import type { mailSchema, wholeMailSchema } from '../../admin/mails/schema.js';
import type { ruleSchema } from '../../admin/notification-rules/schema.js';
import type { orderMessagesSchema } from '../../admin/orders/messages-schema.js';
import type { orderSchema, timelineSchema } from '../../admin/orders/schema.js';
import type { refusalSchema } from '../../admin/refusals/schema.js';
import type { accessReviewSchema, switchReportSchema } from '../../admin/reports/schema.js';
import type { mintedChallengeSchema } from '../../admin/scep-profiles/challenge-schema.js';
import type { scepProfileSchema, scepSummarySchema } from '../../admin/scep-profiles/schema.js';
import type { sessionRowSchema, sessionSchema, totpProposalSchema } from '../../admin/session/schema.js';
import type { snippetList } from '../../admin/snippets/schema.js';
import type { tenantSchema } from '../../admin/tenants/schema.js';
import type { testEnrolmentReportSchema } from '../../admin/test-enrolment/schema.js';
import type { createdTokenSchema, tokenSchema } from '../../admin/tokens/schema.js';
import type { unknownCertificateSchema } from '../../admin/unknown-certificates/schema.js';
import type { createdUserSchema, userSchema } from '../../admin/users/schema.js';

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
  readonly total: number;
  readonly totalIsLowerBound?: true;
}

export type Session = z.output<typeof sessionSchema>;
export type KnownSession = Extract<Session, { authenticated: true }>;
export type Permission = KnownSession['permissions'][number];
export type Role = KnownSession['role'];
export type SessionRow = z.output<typeof sessionRowSchema>;
export type TotpProposal = z.output<typeof totpProposalSchema>;
export type User = z.output<typeof userSchema>;
export type CreatedUser = z.output<typeof createdUserSchema>;
export type ApiToken = z.output<typeof tokenSchema>;
export type CreatedToken = z.output<typeof createdTokenSchema>;
export type NotificationRule = z.output<typeof ruleSchema>;
export type Mail = z.output<typeof mailSchema>;
export type WholeMail = z.output<typeof wholeMailSchema>;
export type Tenant = z.output<typeof tenantSchema>;
export type Connector = z.output<typeof connectorSchema>;
export type ConnectorSummary = z.output<typeof connectorSummarySchema>;
export type ConnectorOptions = z.output<typeof connectorOptionsSchema>;
export type ConnectorMonitoring = z.output<typeof connectorMonitoringSchema>;
export type ConnectorCall = z.output<typeof connectorCallSchema>;
export type TestEnrolmentReport = z.output<typeof testEnrolmentReportSchema>;
export type TestReport = z.output<typeof testReportSchema>;
export type CmpProfile = z.output<typeof cmpProfileSchema>;
export type CmpSummary = z.output<typeof cmpSummarySchema>;
export type RotatedSecret = z.output<typeof rotatedSecretSchema>;
export type ScepProfile = z.output<typeof scepProfileSchema>;
export type ScepSummary = z.output<typeof scepSummarySchema>;
export type MintedChallenge = z.output<typeof mintedChallengeSchema>;
export type Dashboard = z.output<typeof dashboardSchema>;
export type BulkAnswer = z.output<typeof bulkAnswerSchema>;
export type Order = z.output<typeof orderSchema>;
export type OrderMessages = z.output<typeof orderMessagesSchema>;
export type CertificateChain = z.output<typeof certificateChainSchema>;
export type Timeline = z.output<typeof timelineSchema>;
export type Refusal = z.output<typeof refusalSchema>;
export type Certificate = z.output<typeof certificateSchema>;
export type UnknownCertificate = z.output<typeof unknownCertificateSchema>;
export type Account = z.output<typeof accountSchema>;
export type AuditEventDetail = z.output<typeof auditEventDetailSchema>;
export type AuditCheckpoints = z.output<typeof checkpointListSchema>;
export type AuditEvent = z.output<typeof auditEventSchema>;
export type AuditSink = z.output<typeof sinkSchema>;
export type AccessReview = z.output<typeof accessReviewSchema>;
export type SwitchReport = z.output<typeof switchReportSchema>;
export type Decoded = z.output<typeof decodedSchema>;
export type DecodedField = z.output<typeof fieldSchema>;
export type SnippetList = z.output<typeof snippetList>;
export type Snippet = SnippetList['items'][number];

export interface SecretState {
  readonly set: boolean;
  readonly updatedAt: string | null;
}

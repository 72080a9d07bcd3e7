import type { NotificationRule } from '../../notification/rule.js';
import type { Secret } from '../../runtime/secret.js';
import type { Connector, ConnectorType } from '../../tenancy/connector.js';

/** A connector as it would be used, saved or not. */
export interface ConnectorUnderTest {
  readonly tenantId: string;
  readonly type: ConnectorType;
  readonly config: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, Secret>>;
  /** Present when it is saved: its log then tells of the test. */
  readonly saved?: Pick<Connector, 'id' | 'tenantId' | 'version'>;
}

export interface TestStep {
  /** `url`, `tcp`, `tls`, `auth`, `ca`, ... */
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
  readonly ms: number;
}

export interface TestReport {
  readonly ok: boolean;
  readonly steps: readonly TestStep[];
}

export interface ConnectorTester {
  /** Resolves also when the other side fails; the steps end with the first that failed. `to`: the recipient of a test mail. */
  test(connector: ConnectorUnderTest, to?: string): Promise<TestReport>;
  /** What its settings may be, as the other side tells; never rejects. */
  choices?(connector: ConnectorUnderTest): Promise<readonly ConnectorChoice[]>;
}

export interface ConnectorChoice {
  readonly field: string;
  readonly values: readonly string[];
  /** Why there are none, in words; absent where they are complete. */
  readonly missing?: string;
}

/** Sends a test mail as a rule would. */
export interface RuleTester {
  /** One step per recipient; resolves also when nothing can be sent. */
  test(rule: NotificationRule, recipients: readonly string[]): Promise<TestReport>;
}

import type { NotificationRule } from '../../notification/rule.js';
import type { Secret } from '../../runtime/secret.js';
import type { Connector, ConnectorType } from '../../tenancy/connector.js';
import type { Profile } from '../../tenancy/profile.js';

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

/** A device that is played for a test, with what it was given to authorise its request; its key is made for the occasion. */
export interface DeviceUnderTest {
  readonly profile: Profile;
  /** RFC 4514 text. */
  readonly subject: string;
  /** Host names and IP addresses. */
  readonly sans: readonly string[];
  /** SCEP; absent where the profile asks for none. */
  readonly challenge?: string;
  /** CMP. */
  readonly secret?: { readonly reference: string; readonly value: string };
  /** CMP: sent as regToken. */
  readonly registrationToken?: string;
  /** Whether it polls for a while when the order is not decided at once. */
  readonly isPatient: boolean;
}

export interface EnrolmentStep {
  /** As the standard names it: `GetCACaps`, `PKCSReq`, `ir`, `certConf`, ... */
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly ms: number;
}

export interface EnrolmentTrial {
  /** `failed`: something other than a refusal kept the device from an answer. */
  readonly outcome: 'issued' | 'pending' | 'refused' | 'failed';
  readonly steps: readonly EnrolmentStep[];
  /** As the order shows it; absent where no request was sent. */
  readonly transactionId?: string;
}

/** Plays a device against this server's own device listener. */
export interface EnrolmentTester {
  /** Resolves also when the server refuses or fails. */
  enrol(device: DeviceUnderTest): Promise<EnrolmentTrial>;
}

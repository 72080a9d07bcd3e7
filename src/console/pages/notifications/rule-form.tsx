import { Group, MultiSelect, NumberInput, Select, TagsInput, Textarea, TextInput } from '@mantine/core';
import { call } from '../../api/call.js';
import { useConnectors, useProfiles } from '../../api/hooks.js';
import type { NotificationRule } from '../../api/types.js';
import { useTenant } from '../../app/tenant.js';
import { type EntityForm, useEntityForm } from '../../components/entity-form.js';
import type { ManagedFormProps } from '../../components/managed.js';
import { ManagedDrawer } from '../../components/managed-drawer.js';
import { profileOptions } from '../../components/profile-options.js';
import { StatusSelect } from '../../components/status-select.js';
import { rules } from '../../strings/notifications.js';
import { required } from '../profiles/rules.js';

type EventKind = NotificationRule['events'][number];

interface Values {
  readonly name: string;
  readonly connectorId: string | null;
  readonly recipients: readonly string[];
  readonly events: readonly EventKind[];
  readonly profileIds: readonly string[];
  readonly expiryDays: readonly string[];
  readonly minutesBetweenMails: string | number;
  readonly weekday: string | null;
  readonly hour: string | null;
  readonly description: string;
  readonly status: string;
}

const expiryChoices = ['90', '60', '30', '14', '7', '3', '1'];

function recipientsRule(given: readonly string[]): string | null {
  const wrong = given.find((text) => !/^[^\s@]+@[^\s@]+$/.test(text));
  if (wrong !== undefined) return rules.recipientWrong(wrong);
  return given.length === 0 ? rules.recipientsMissing : null;
}

const eventsRule = (given: readonly EventKind[]): string | null => (given.length === 0 ? rules.eventsMissing : null);

function minutesRule(given: string | number): string | null {
  const minutes = Number(given);
  return Number.isInteger(minutes) && minutes >= 1 && minutes <= 1440 ? null : rules.minutesWrong;
}

function initialValues(rule: NotificationRule | undefined): Values {
  const {
    name = '',
    connectorId = null,
    recipients = [],
    events = [],
    profileIds = [],
    minutesBetweenMails = 15,
    description = '',
    status = 'active',
  } = rule ?? {};
  const { weekday, hour } = rule?.digest ?? { weekday: 1, hour: 6 };
  const expiryDays = (rule?.expiryDays ?? [30, 14, 7, 1]).map(String);
  return {
    name,
    connectorId,
    recipients,
    events,
    profileIds,
    expiryDays,
    minutesBetweenMails,
    weekday: String(weekday),
    hour: String(hour),
    description,
    status,
  };
}

/** Add and edit a notification rule; it belongs to the tenant of its connector. */
export function RuleForm({ item, onClose, onSaved, onReload }: ManagedFormProps<NotificationRule>) {
  const { tenantId: shown } = useTenant();
  const { data } = useConnectors(item?.tenantId ?? shown);
  const connectors = (data?.items ?? []).filter(({ type }) => type === 'smtp');
  const entity = useEntityForm<Values, NotificationRule>({
    initialValues: initialValues(item),
    rules: { name: required, connectorId: required, recipients: recipientsRule, events: eventsRule, minutesBetweenMails: minutesRule },
    fields: { digest: 'weekday' },
    save: ({ weekday, hour, expiryDays, minutesBetweenMails, ...values }) => {
      const numbers = {
        expiryDays: expiryDays.map(Number),
        minutesBetweenMails: Number(minutesBetweenMails),
        digest: { weekday: Number(weekday), hour: Number(hour) },
      };
      const body = { ...values, ...numbers };
      if (item !== undefined) return call<NotificationRule>(`/notification-rules/${item.id}`, { method: 'PATCH', body, version: item.version });
      const tenantId = connectors.find(({ id }) => id === values.connectorId)?.tenantId;
      return call<NotificationRule>('/notification-rules', { method: 'POST', body: { ...body, tenantId } });
    },
    onSaved,
  });
  const isAmbiguous = new Set(connectors.map(({ tenantId }) => tenantId)).size > 1;
  const options = connectors.map(({ id, name, tenant }) => ({ value: id, label: isAmbiguous ? `${name} (${tenant})` : name }));
  const tenantId = connectors.find(({ id }) => id === entity.values.connectorId)?.tenantId;
  return (
    <ManagedDrawer words={rules} isSaved={item !== undefined} form={entity} {...{ onClose, onReload }}>
      <TextInput label={rules.name} withAsterisk maxLength={100} data-autofocus {...entity.field('name')} />
      <Select
        label={rules.connector}
        description={data !== undefined && connectors.length === 0 ? rules.noConnector : rules.connectorHint}
        data={options}
        withAsterisk
        searchable
        allowDeselect={false}
        {...entity.field('connectorId')}
      />
      <What entity={entity} tenantId={tenantId} />
      <When entity={entity} />
      <Textarea label={rules.description} autosize minRows={2} maxRows={5} maxLength={1000} {...entity.field('description')} />
      <StatusSelect {...entity.field('status')} />
    </ManagedDrawer>
  );
}

function What({ entity: { field }, tenantId }: { readonly entity: EntityForm<Values>; readonly tenantId: string | undefined }) {
  const { data } = useProfiles(tenantId);
  const [recipients, events, profiles] = [field('recipients'), field('events'), field('profileIds')];
  return (
    <>
      <TagsInput
        label={rules.recipients}
        description={rules.recipientsHint}
        withAsterisk
        maxTags={20}
        acceptValueOnBlur
        splitChars={[',', ';', ' ']}
        value={[...recipients.value]}
        error={recipients.error}
        onChange={(chosen) => recipients.onChange(chosen)}
      />
      <MultiSelect
        label={rules.events}
        withAsterisk
        data={Object.entries(rules.kinds).map(([value, label]) => ({ value, label }))}
        value={[...events.value]}
        error={events.error}
        onChange={(chosen) => events.onChange(chosen as EventKind[])}
      />
      <MultiSelect
        label={rules.profiles}
        description={rules.profilesHint}
        searchable
        clearable
        data={profileOptions(data)}
        value={[...profiles.value]}
        error={profiles.error}
        onChange={(chosen) => profiles.onChange(chosen)}
      />
    </>
  );
}

/** Only what the chosen events need is asked for. */
function When({ entity: { values, field } }: { readonly entity: EntityForm<Values> }) {
  const [days, minutes] = [field('expiryDays'), field('minutesBetweenMails')];
  const tellsOfExpiry = values.events.includes('certificate-expiring') || values.events.includes('credential-expiring');
  return (
    <>
      {tellsOfExpiry && (
        <MultiSelect
          label={rules.expiryDays}
          description={rules.expiryDaysHint}
          data={[...new Set([...expiryChoices, ...days.value])].sort((left, right) => Number(right) - Number(left))}
          value={[...days.value]}
          error={days.error}
          onChange={(chosen) => days.onChange(chosen)}
        />
      )}
      <NumberInput
        label={rules.minutes}
        description={rules.minutesHint}
        min={1}
        max={1440}
        allowDecimal={false}
        value={minutes.value}
        error={minutes.error}
        onChange={(chosen) => minutes.onChange(chosen)}
      />
      {values.events.includes('weekly-digest') && (
        <Group grow>
          <Select
            label={rules.weekday}
            data={rules.weekdays.map((label, day) => ({ value: String(day), label }))}
            allowDeselect={false}
            {...field('weekday')}
          />
          <Select
            label={rules.hour}
            data={Array.from({ length: 24 }, (_, hour) => ({ value: String(hour), label: `${hour}:00` }))}
            allowDeselect={false}
            {...field('hour')}
          />
        </Group>
      )}
    </>
  );
}

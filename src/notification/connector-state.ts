import type { ConnectorNews, NotificationStore } from './ports.js';

/**
 * For whoever watches connectors: says how one fares, as often as it likes and from as many nodes as there are. Only a change is news,
 * and it is recorded together with the event that tells of it. True when it was news. A connector that is gone is none.
 */
export async function noteConnectorState(notifications: Pick<NotificationStore, 'noteConnector'>, news: ConnectorNews): Promise<boolean> {
  return notifications.noteConnector(news);
}

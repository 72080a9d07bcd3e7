/** One server-sent event, as far as we use them. */
export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  /** Where to go on from; empty where the event has none. */
  readonly id: string;
}

/** The events of a stream of text (WHATWG HTML section 9.2.6), as they come. Comments and fields we do not use are left out. */
export async function* serverEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const blocks = text.split(/\r?\n\r?\n/);
      text = blocks.pop() ?? '';
      for (const block of blocks) {
        const event = eventOf(block);
        if (event.data !== '') yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function eventOf(block: string): ServerEvent {
  const fields = { event: 'message', data: '', id: '' };
  for (const line of block.split(/\r?\n/)) {
    const [, name, value] = /^(event|data|id): ?(.*)$/.exec(line) ?? [];
    if (name === 'data') fields.data += fields.data === '' ? (value ?? '') : `\n${value}`;
    else if (name === 'event' || name === 'id') fields[name] = value ?? '';
  }
  return fields;
}

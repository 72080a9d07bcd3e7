/** The few words of SOAP 1.1 that EJBCA's web service needs. */

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
const characters: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,4}));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return characters[name] ?? whole;
    const point = decimal === undefined ? Number.parseInt(hex ?? '', 16) : Number(decimal);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

export function envelope(body: string): string {
  const names = 'xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:ws="http://ws.protocol.core.ejbca.org/"';
  return `<?xml version="1.0" encoding="UTF-8"?><s:Envelope ${names}><s:Body>${body}</s:Body></s:Envelope>`;
}

/** A call of the web service: arguments are `arg0`, `arg1`, ... in no namespace; each is text, or the fields of an object. */
export function operation(name: string, ...args: readonly (string | Readonly<Record<string, string>>)[]): string {
  const written = args.map((arg, index) => `<arg${index}>${typeof arg === 'string' ? escapeXml(arg) : fields(arg)}</arg${index}>`);
  return `<ws:${name}>${written.join('')}</ws:${name}>`;
}

/** In the order of their names: a schema of EJBCA's is a sequence. */
function fields(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`)
    .join('');
}

/**
 * The inner text of every element of this local name, innermost ones only where elements of one name are nested; entities of a document
 * type are never read. Only for answers of bounded length.
 */
export function elements(xml: string, name: string): string[] {
  const open = new RegExp(`<(?:[\\w-]+:)?${name}(?:\\s[^<>]*)?>`, 'g');
  const close = new RegExp(`</(?:[\\w-]+:)?${name}\\s*>`, 'g');
  const found: string[] = [];
  for (let start = open.exec(xml); start !== null; start = open.exec(xml)) {
    if (start[0].endsWith('/>')) continue;
    close.lastIndex = open.lastIndex;
    const end = close.exec(xml);
    if (end === null) break;
    found.push(xml.slice(open.lastIndex, end.index));
    open.lastIndex = close.lastIndex;
  }
  return found;
}

/** The text of the first element of this name; undefined where there is none. */
export function textOf(xml: string, name: string): string | undefined {
  const [inner] = elements(xml, name);
  return inner === undefined ? undefined : unescapeXml(inner.replace(/<!\[CDATA\[([\s\S]*?)\]\]>/g, '$1')).trim();
}

/** The words of a fault, with the name of the exception that EJBCA put into its detail; undefined where the answer is none. */
export function faultOf(xml: string): string | undefined {
  const [fault] = elements(xml, 'Fault');
  if (fault === undefined) return undefined;
  const [detail = ''] = elements(fault, 'detail');
  const exception = /<(?:[\w-]+:)?(\w*Exception|UserDoesntFullfillEndEntityProfile)\b/.exec(detail)?.[1];
  const words = textOf(fault, 'faultstring') || textOf(detail, 'message') || 'a fault without words';
  return exception === undefined || words.includes(exception) ? words : `${exception}: ${words}`;
}

import { encode } from 'uqr';

interface QrCodeProps {
  /** What a phone reads from it, as UTF-8. */
  readonly text: string;
  readonly label: string;
  /** Width and height in px. */
  readonly size?: number;
}

/** One path of all dark modules. */
function pathOf(rows: readonly (readonly boolean[])[]): string {
  return rows
    .flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : '')))
    .filter((part) => part !== '')
    .join('');
}

/** A QR code (ISO/IEC 18004), drawn here: what it says goes to nobody. Dark on light in both schemes, since many readers need that. */
export function QrCode({ text, label, size = 196 }: QrCodeProps) {
  const { data, size: modules } = encode(text, { ecc: 'M', border: 4 });
  return (
    <svg role="img" aria-label={label} width={size} height={size} viewBox={`0 0 ${modules} ${modules}`} shapeRendering="crispEdges">
      <rect width={modules} height={modules} fill="#fff" />
      <path d={pathOf(data)} fill="#000" />
    </svg>
  );
}

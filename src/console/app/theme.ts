import { ActionIcon, Badge, Button, createTheme, type MantineColorsTuple } from '@mantine/core';

const gate: MantineColorsTuple = ['#e6f7f9', '#d0eaee', '#a3d5dc', '#72bfca', '#4badbb', '#30a2b2', '#1c8fa0', '#0b7285', '#076474', '#004f5d'];

/** Calm and dense: small type, thin lines, one accent. Every colour of text keeps 4.5 to 1 on its ground. */
export const theme = createTheme({
  primaryColor: 'gate',
  primaryShade: 7,
  colors: { gate },
  autoContrast: true,
  luminanceThreshold: 0.36,
  defaultRadius: 'sm',
  respectReducedMotion: true,
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "JetBrains Mono", SFMono-Regular, Menlo, "Liberation Mono", monospace',
  headings: {
    sizes: { h1: { fontSize: '1.375rem', lineHeight: '1.3' }, h2: { fontSize: '1.05rem', lineHeight: '1.35' }, h3: { fontSize: '0.95rem' } },
    fontWeight: '650',
  },
  components: {
    Button: Button.extend({ defaultProps: { size: 'sm' } }),
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: 'subtle', color: 'gray' } }),
    Badge: Badge.extend({
      defaultProps: { variant: 'light', radius: 'sm' },
      styles: { root: { flexShrink: 0, minWidth: 'max-content' }, label: { textTransform: 'none', fontWeight: 600, overflow: 'visible' } },
    }),
    // By their names alone, so that they are loaded only with the pages that have one.
    Table: { defaultProps: { verticalSpacing: 7, horizontalSpacing: 'sm' } },
    Tooltip: { defaultProps: { multiline: true, maw: 340, withArrow: true, openDelay: 250, events: { hover: true, focus: true, touch: true } } },
  },
});

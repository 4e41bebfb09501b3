export interface Series {
  readonly name: string
  /** Ascending in x. */
  readonly points: readonly (readonly [x: number, y: number])[]
  /** 1, 2 or 3: one of the report's colours. */
  readonly colour: 1 | 2 | 3
  /** Thinner, for what accompanies another series. */
  readonly isFaint?: boolean
}

export interface LineChart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  readonly series: readonly Series[]
  /** Where the y axis ends. Default: above the largest value. */
  readonly yMax?: number
  /** Where the y axis begins. Default: 0, or below the smallest value where that is negative. */
  readonly yMin?: number
  readonly formatY?: (value: number) => string
  /** Moments worth a mark, such as the begin of an attack. */
  readonly marks?: readonly { readonly x: number; readonly label: string }[]
}

const width = 560
const height = 250
const margin = { top: 12, right: 18, bottom: 40, left: 58 }
const innerWidth = width - margin.left - margin.right
const innerHeight = height - margin.top - margin.bottom
const wantedTicks = 5

/** Round values that cover a range. */
export function ticks(low: number, high: number, wanted: number = wantedTicks): number[] {
  const span = high - low
  if (!(span > 0)) return [low]
  const rough = span / wanted
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
  const found: number[] = []
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) found.push(at * step)
  return found
}

const defaultFormat = (value: number): string =>
  Math.abs(value) >= 10_000 ? `${+(value / 1000).toFixed(1)}k` : String(+value.toPrecision(6))

export const escapeHtml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** A line chart as an SVG figure without scripts. Colours come from the page, which knows light from dark. */
export function lineChart(chart: LineChart): string {
  const svg = draw(chart)
  if (svg === undefined) return figure(chart, '<p class="empty">Nothing to show: the run was too short.</p>')
  const { width, height, content } = svg
  return figure(
    chart,
    `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(chart.title)}">${content}</svg>`
  )
}

/** The same as an image of its own, with its title and legend; undefined when there is nothing to draw. */
export function svgImage(chart: LineChart, style: string): string | undefined {
  const svg = draw(chart)
  if (svg === undefined) return undefined
  const { width, height, content } = svg
  const legend = chart.series.map(
    ({ name, colour, isFaint }, at) =>
      `<line class="line c${colour}${isFaint === true ? ' faint' : ''}" x1="${margin.left + at * 150}" x2="${margin.left + at * 150 + 18}" y1="32" y2="32"/><text class="label" x="${margin.left + at * 150 + 24}" y="36">${escapeHtml(name)}</text>`
  )
  const head = chart.series.length < 2 ? '' : legend.join('')
  const top = chart.series.length < 2 ? 26 : 44
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + top}" width="${width}" font-family="system-ui, sans-serif"><style>${style}</style><text class="title" x="${margin.left}" y="16">${escapeHtml(chart.title)}</text>${head}<g transform="translate(0 ${top})">${content}</g></svg>
`
}

function draw(chart: LineChart): { width: number; height: number; content: string } | undefined {
  const { formatY = defaultFormat, marks = [] } = chart
  const all = chart.series.flatMap(({ points }) => points)
  const xs = all.map(([x]) => x)
  const ys = all.map(([, y]) => y)
  const xLow = Math.min(...xs, Number.POSITIVE_INFINITY)
  const xHigh = Math.max(...xs, Number.NEGATIVE_INFINITY)
  if (!(xHigh > xLow)) return undefined
  const yLow = chart.yMin ?? Math.min(0, ...ys)
  const yTop = chart.yMax ?? Math.max(...ys)
  const yTicks = ticks(yLow, yTop > yLow ? yTop * 1.02 : yLow + 1)
  const step = (yTicks[1] ?? 1) - (yTicks[0] ?? 0)
  const yHigh = chart.yMax ?? Math.max(yTop, (yTicks.at(-1) ?? 0) + (yTop > (yTicks.at(-1) ?? 0) ? step : 0))
  const toX = (x: number): number => margin.left + ((x - xLow) / (xHigh - xLow)) * innerWidth
  const toY = (y: number): number =>
    margin.top + innerHeight - ((Math.min(Math.max(y, yLow), yHigh) - yLow) / (yHigh - yLow)) * innerHeight
  const grid = ticks(yLow, yHigh).map((y) => {
    const at = toY(y).toFixed(1)
    return `<line class="grid" x1="${margin.left}" x2="${width - margin.right}" y1="${at}" y2="${at}"/><text class="tick" x="${margin.left - 8}" y="${at}" dy="0.32em" text-anchor="end">${escapeHtml(formatY(y))}</text>`
  })
  const below = ticks(xLow, xHigh, 6).map(
    (x) =>
      `<text class="tick" x="${toX(x).toFixed(1)}" y="${height - margin.bottom + 18}" text-anchor="middle">${escapeHtml(defaultFormat(x))}</text>`
  )
  const marked = marks
    .filter(({ x }) => x >= xLow && x <= xHigh)
    .map(({ x, label }, index) => {
      const at = toX(x)
      const labelY = margin.top + 10 + (index % 2) * 13
      const isLeft = at > width * 0.7
      return `<line class="mark" x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${margin.top}" y2="${height - margin.bottom}"/><text class="tick" x="${(at + (isLeft ? -5 : 5)).toFixed(1)}" y="${labelY}" text-anchor="${isLeft ? 'end' : 'start'}">${escapeHtml(label)}</text>`
    })
  const lines = chart.series.map(({ points, colour, name, isFaint }) => {
    const path = points.map(([x, y]) => `${toX(x).toFixed(1)},${toY(y).toFixed(1)}`).join(' ')
    return `<polyline class="line c${colour}${isFaint === true ? ' faint' : ''}" points="${path}"><title>${escapeHtml(name)}</title></polyline>`
  })
  const axes = `<line class="axis" x1="${margin.left}" x2="${width - margin.right}" y1="${toY(yLow).toFixed(1)}" y2="${toY(yLow).toFixed(1)}"/>`
  const labels = `<text class="label" x="${margin.left + innerWidth / 2}" y="${height - 4}" text-anchor="middle">${escapeHtml(chart.xLabel)}</text><text class="label" transform="translate(13 ${margin.top + innerHeight / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(chart.yLabel)}</text>`
  return { width, height, content: [...grid, ...below, ...marked, ...lines, axes, labels].join('') }
}

function figure({ title, series }: LineChart, content: string): string {
  const legend =
    series.length < 2
      ? ''
      : `<div class="legend">${series.map(({ name, colour, isFaint }) => `<span><i class="c${colour}${isFaint === true ? ' faint' : ''}"></i>${escapeHtml(name)}</span>`).join('')}</div>`
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>${legend}${content}</figure>`
}

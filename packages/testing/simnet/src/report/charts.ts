import type { RunResult, ScoreSample } from '../scenarios/run.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import type { LineChart, Series } from './line-chart.ts'

const percent = (share: number): string => `${(share * 100).toFixed(0)} %`
const seconds = (atMs: number): number => atMs / 1000

/** What there is to see of a run: latencies, the mesh, and of attackers their share and their scores. */
export function chartsOf({ scenario, samples, scores, cdf }: RunResult): LineChart[] {
  const hasSybils = scenario.sybils !== undefined
  const marks = marksOf(scenario)
  const loaded = samples.filter(({ deliveries }) => deliveries > 0)
  return [
    {
      title: 'Latency of deliveries, share of all',
      xLabel: 'ms from publishing',
      yLabel: 'delivered',
      yMax: 1,
      formatY: (share) => percent(share),
      series: [{ name: 'delivered', colour: 1, points: [[0, 0], ...cdf] }]
    },
    {
      title: 'Latency over time',
      xLabel: 'virtual seconds',
      yLabel: 'ms',
      marks,
      series: [
        { name: 'p99', colour: 2, points: loaded.map((one) => [seconds(one.atMs), one.p99Ms]) },
        { name: 'median', colour: 1, points: loaded.map((one) => [seconds(one.atMs), one.p50Ms]) }
      ]
    },
    {
      title: 'Peers in the mesh of an honest node',
      xLabel: 'virtual seconds',
      yLabel: 'peers',
      marks,
      series: [
        { name: 'all', colour: 1, points: samples.map((one) => [seconds(one.atMs), one.meshDegree]) },
        ...(hasSybils
          ? [
              {
                name: 'sybils',
                colour: 2 as const,
                points: samples.map((one) => [seconds(one.atMs), one.meshDegree * one.sybilShare] as const)
              }
            ]
          : [])
      ]
    },
    hasSybils
      ? {
          title: 'Share of sybils in honest meshes',
          xLabel: 'virtual seconds',
          yLabel: 'share',
          yMax: 1,
          marks,
          formatY: (share) => percent(share),
          series: [{ name: 'sybils', colour: 2, points: samples.map((one) => [seconds(one.atMs), one.sybilShare]) }]
        }
      : {
          title: 'Copies that were sent for each delivery',
          xLabel: 'virtual seconds',
          yLabel: 'copies',
          series: [
            { name: 'copies', colour: 1, points: loaded.map((one) => [seconds(one.atMs), one.copiesPerDelivery]) }
          ]
        },
    ...(hasSybils && scores.length > 1 ? [scoreChart(scores, marks)] : [])
  ]
}

function scoreChart(scores: readonly ScoreSample[], marks: LineChart['marks'] = []): LineChart {
  const points = (of: (sample: ScoreSample) => number): Series['points'] =>
    scores.map((sample) => [seconds(sample.atMs), of(sample)])
  return {
    title: 'Scores that honest nodes give: median and lowest tenth',
    xLabel: 'virtual seconds',
    yLabel: 'score',
    marks,
    series: [
      { name: 'honest peers', colour: 1, points: points(({ honest }) => honest[1]) },
      { name: 'honest, lowest tenth', colour: 1, isFaint: true, points: points(({ honest }) => honest[0]) },
      { name: 'sybils', colour: 2, points: points(({ sybils }) => sybils?.[1] ?? 0) },
      { name: 'sybils, lowest tenth', colour: 2, isFaint: true, points: points(({ sybils }) => sybils?.[0] ?? 0) }
    ]
  }
}

function marksOf({ sybils, connectAtMs = 0, warmMs, load }: Scenario): { x: number; label: string }[] {
  const marks = [{ x: warmMs / 1000, label: 'first message' }]
  if (load.forMs > 0) marks.push({ x: (warmMs + load.forMs) / 1000, label: 'last' })
  if (sybils === undefined) return marks
  const attackAt = sybils.attackAtMs ?? sybils.connectAtMs
  if (attackAt > 0) marks.push({ x: attackAt / 1000, label: 'attack' })
  if (connectAtMs > 0) marks.push({ x: connectAtMs / 1000, label: 'honest nodes connect' })
  return marks.toSorted((one, two) => one.x - two.x)
}

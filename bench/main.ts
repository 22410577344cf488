import { Command, InvalidArgumentError, Option } from 'commander';
import { printCalibrationCheck, runCalibrationCheck } from './calibration/main.ts';
import { runCodecBench } from './codec/main.ts';
import { printCodec } from './codec/print.ts';
import { printCost, runCost, STANDARD_BITS_PER_VALUE } from './cost/main.ts';
import { measureCold } from './edge/cold.ts';
import { runEdge } from './edge/main.ts';
import { printEdge } from './edge/print.ts';
import { printMemory, runMemory } from './memory/main.ts';
import { writeQualityDocs } from './quality/docs.ts';
import { mergeReports, runQuality } from './quality/main.ts';
import { printQuality } from './quality/print.ts';
import { runStreaming } from './streaming/main.ts';
import { plotStreaming } from './streaming/plot.ts';
import { printStreaming } from './streaming/print.ts';
import { beginRun, writePlot, writeRecord } from './streaming/record.ts';
import { runTtft } from './streaming/ttft/main.ts';
import { plotTtft } from './streaming/ttft/plot.ts';
import { printTtft } from './streaming/ttft/print.ts';
import { MAX_PAIRS, runTenancy } from './tenancy/main.ts';
import { printTenancy } from './tenancy/print.ts';

const positive = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('expected a whole number above 0');
  return value;
};

let isFirstLength = true;
/** Adds to those of earlier arguments, in place of the default. */
const lengths = (text: string, earlier: number[]): number[] => {
  const all = [...(isFirstLength ? [] : earlier), positive(text)].sort((a, b) => a - b);
  isFirstLength = false;
  return all;
};

const amount = (text: string): number => {
  const value = Number(text);
  if (!(value >= 0)) throw new InvalidArgumentError('expected a number from 0');
  return value;
};

const program = new Command('bench').description('Benchmarks that print every figure the project states');

program
  .command('quality')
  .description(
    'rate and damage of every codec, retrieval and generation: split contexts, scored through the engine',
  )
  .option('--model <name|path...>', 'pinned names or GGUF files', ['smollm2-135m-instruct'])
  .option('--profile <file>', "profile of the model (default: origin-gpu/profiles' if there is one)")
  .option('--no-profile', 'codec 2 and baselines only')
  .option(
    '--prefix-tokens <n...>',
    'lengths of what is cached; the first has all documents',
    lengths,
    [1024, 4096],
  )
  .option('--scored-tokens <n>', 'tokens after them that are evaluated', positive, 511)
  .option('--every-tokens <n>', 'compare every n-th of them', positive, 8)
  .option('--long-documents <n>', 'documents at the other lengths', positive, 3)
  .option('--only <text>', 'only documents whose name contains this')
  .option('--no-baselines', 'only the codecs of this project')
  .option('--no-tasks', 'neither retrieval nor generation')
  .option('--threads <n>', "the engine's threads", positive)
  .option('--write-docs', 'draw the plots and write the results into docs/quality.md')
  .option('--json', 'print one JSON object')
  .action(async ({ json, writeDocs, model: models, ...options }) => {
    const reports = [];
    for (const model of models) reports.push(await runQuality({ model, ...options }));
    const report = mergeReports(reports);
    if (writeDocs) writeQualityDocs(report);
    console.log(json ? JSON.stringify(report) : printQuality(report));
  });

program
  .command('calibration')
  .description(
    "whether the calibration's model (PyTorch) computes the engine's keys, values and distributions",
  )
  .option('--model <name|path>', 'pinned name or GGUF file', 'smollm2-135m-instruct')
  .option('--tokens <n>', 'tokens that are compared', positive, 300)
  .option('--json', 'print one JSON object')
  .action(async ({ json, ...options }) => {
    const report = await runCalibrationCheck(options);
    console.log(json ? JSON.stringify(report) : printCalibrationCheck(report));
    if (!report.agrees) process.exitCode = 1;
  });

program
  .command('edge')
  .description('the edge beside minimal Workers and nginx; a herd of clients; origins that are killed')
  .option('--rounds <n>', 'alternated runs of each server', positive, 9)
  .option('--seconds <n>', 'length of a run', positive, 1)
  .option('--json', 'print one JSON object')
  .action(async ({ json, rounds, seconds }) => {
    const report = await runEdge({ rounds, seconds });
    console.log(json ? JSON.stringify(report) : printEdge(report));
  });

program
  .command('edge-cold')
  .description(
    'a cold object, streamed while it is stored: one read from R2 that is split, against two reads',
  )
  .option('--objects <n>', 'cold objects of 1 MB', positive, 40)
  .action(async ({ objects }) => console.log(JSON.stringify(await measureCold(objects), null, 2)));

program
  .command('tenancy')
  .description("whether response times tell another tenant's private chunk from one that never existed")
  .option('--pairs <n>', `pairs of requests, at most ${MAX_PAIRS}`, positive, 1000)
  .option('--json', 'print one JSON object')
  .action(async ({ json, pairs }) => {
    const report = await runTenancy({ pairs: Math.min(pairs, MAX_PAIRS) });
    console.log(json ? JSON.stringify(report) : printTenancy(report));
  });

program
  .command('cost')
  .description('loading a context at list prices against prefilling it; arithmetic, nothing is measured')
  .option('--context-tokens <n>', 'tokens of the context', positive, 4096)
  .option('--bits-per-value <bits>', 'of the level that clients load', amount, STANDARD_BITS_PER_VALUE)
  .option('--hit-ratio <share>', 'share of requests that the cache answers', amount, 0.9)
  .option('--cpu-ms-per-request <ms>', 'CPU time of the Worker', amount, 2)
  .option('--months <n>', 'how long the context is kept', amount, 1)
  .option('--gpu-dollars-per-hour <dollars>', 'price of the GPU', amount, 2.5)
  .option('--gpu-flops <flops>', 'its arithmetic, dense bf16', amount, 989e12)
  .option('--gpu-utilization <share>', 'share of it that prefill reaches', amount, 0.4)
  .option('--json', 'print one JSON object')
  .action(({ json, ...options }) => {
    const report = runCost(options);
    console.log(json ? JSON.stringify(report) : printCost(report));
  });

program
  .command('streaming')
  .description(
    'SLO misses, quality and regret of the controller over simulated links; time to first token over real ones',
  )
  .option('--requests <n>', 'requests of each trace family', positive, 1000)
  .option('--clients <n>', 'most clients on one shared link', positive, 8)
  .option(
    '--ttft-tokens <n...>',
    'lengths of the contexts that are really transferred',
    lengths,
    [1000, 2000, 4000],
  )
  .option('--no-ttft', 'simulate only')
  .option('--profile <file>', 'profile of the model', 'origin-gpu/profiles/smollm2-135m-instruct.kvp')
  .option('--plot <file>', 'where the plot of the simulation goes', 'dist/bench/streaming.svg')
  .option('--ttft-plot <file>', 'where the plot of the times to first token goes', 'dist/bench/ttft.svg')
  .addOption(
    new Option(
      '--record',
      'also write bench/record/streaming-<date>.json, docs/plots/ and the tables of docs/streaming.md',
    ).conflicts('ttft'),
  )
  .option('--json', 'print one JSON object')
  .action(async ({ json, plot, ttft, ttftTokens, ttftPlot, profile, record, ...options }) => {
    const endRun = beginRun();
    const simulated = runStreaming(options);
    writePlot(plot, plotStreaming(simulated));
    const real = ttft ? await runTtft({ tokens: ttftTokens, profile }) : null;
    if (real !== null) writePlot(ttftPlot, plotTtft(real));
    const run = endRun();
    if (record && real !== null)
      process.stderr.write(`record: ${writeRecord({ ...simulated, ...real, run })}\n`);
    if (json) console.log(JSON.stringify({ ...simulated, ...real, run }));
    else console.log([printStreaming(simulated), ...(real === null ? [] : ['', printTtft(real)])].join('\n'));
  });

program
  .command('codec')
  .description('speed of the codec beside its limits and peers, on planes of a real document')
  .option('--model <name|path>', 'pinned name or GGUF file', 'smollm2-135m-instruct')
  .option('--profile <file>', 'profile of that model', 'origin-gpu/profiles/smollm2-135m-instruct.kvp')
  .option('--document <name>', 'one of the quality bench', 'moby-dick-91')
  .option('--level <name>', 'level that is decoded', 'standard')
  .option('--tokens <n>', 'tokens, in chunks of 256', positive, 1000)
  .option('--rounds <n>', 'rounds of every stage, in alternating order', positive, 9)
  .addOption(
    new Option('--clock <kind>', 'what rates are made of; CPU time where others use the machine too')
      .choices(['wall', 'cpu'])
      .default('wall'),
  )
  .option('--json', 'print one JSON object')
  .action(async ({ json, ...options }) => {
    const report = await runCodecBench(options);
    console.log(json ? JSON.stringify(report) : printCodec(report));
  });

program
  .command('memory')
  .description('memory of the Worker on chunk requests, in a short and in a long context')
  .option('--chunks <n>', 'chunks of the long context', positive, 128)
  .option('--requests <n>', 'requests of a round', positive, 200)
  .option('--rounds <n>', 'rounds, in alternating order', positive, 5)
  .option('--json', 'print one JSON object')
  .action(async ({ json, ...options }) => {
    const report = await runMemory(options);
    console.log(json ? JSON.stringify(report) : printMemory(report));
  });

await program.parseAsync();

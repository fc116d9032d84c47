//! Catalogue of the report's messages, in English and Simplified Chinese. Each message is a method of
//! [`Lang`] with its arguments by name; cells of a table's header are separated by `|`.

use std::fmt::Display;

/// Language of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lang {
    English,
    Chinese,
}

macro_rules! messages {
    ($($name:ident($($argument:ident),*): $english:literal, $chinese:literal;)*) => {
        impl Lang {
            $(pub(crate) fn $name(self, $($argument: impl Display),*) -> String {
                match self {
                    Self::English => format!($english),
                    Self::Chinese => format!($chinese),
                }
            })*
        }
    };
}

messages! {
    title(test_id): "Soak report: {test_id}", "长时间稳定性测试报告：{test_id}";
    comma(): ", ", "、";
    after_sentence(): " ", "";
    yes(): "yes", "是";
    none(): "none", "无";

    // Verdict on memory.
    memory_flat(): "Memory is flat", "内存平稳";
    memory_leaks(): "Memory leaks", "内存泄漏";
    memory_undecided(): "Memory: undecided", "内存：尚无定论";
    memory_growth(per_100_files, per_hour):
        "After warm-up, the engine's resident memory changes by {per_100_files}; over time, by {per_hour}.",
        "预热之后，引擎的常驻内存变化为{per_100_files}；按时间计为{per_hour}。";
    slope_per_100_files(estimate, low, high):
        "{estimate} MB per 100 files (95% interval {low} to {high})",
        "每 100 个文件 {estimate} MB（95% 置信区间 {low} 至 {high}）";
    slope_per_hour(estimate, low, high):
        "{estimate} MB per hour (95% interval {low} to {high})",
        "每小时 {estimate} MB（95% 置信区间 {low} 至 {high}）";
    slope(estimate, low, high): "{estimate} MB ({low} to {high})", "{estimate} MB（{low} 至 {high}）";
    slope_unknown(): "an unknown amount (too few files)", "未知（文件数不足）";
    rule_flat(limit):
        "The whole interval is below {limit} MB per 100 files, so memory is flat.",
        "整个区间低于每 100 个文件 {limit} MB，因此判定为平稳。";
    rule_leaks(limit):
        "The whole interval is at or above {limit} MB per 100 files, so memory leaks.",
        "整个区间不低于每 100 个文件 {limit} MB，因此判定为泄漏。";
    rule_too_few_files(files):
        "Too few files after warm-up ({files}) to tell whether memory grows. Run more rounds.",
        "预热之后剩余的文件过少（{files} 个），无法判断内存是否增长。请增加轮数。";
    rule_too_noisy(limit):
        "The interval spans the limit of {limit} MB per 100 files, so the verdict is undecided.",
        "区间跨越每 100 个文件 {limit} MB 的界限，因此尚无定论。";
    more_rounds(factor):
        "About {factor} times as many rounds should decide it.",
        "轮数增至约 {factor} 倍应可得出结论。";
    more_rounds_do_not_help():
        "Growth is too close to the limit, or too noisy, for more rounds to decide it soon; see the plot.",
        "增长过于接近界限或噪声过大，仅靠增加轮数短期内难以得出结论，请查看曲线图。";

    // Completeness of the results.
    results_complete(): "No task was lost", "没有丢失任务";
    results_incomplete(): "Results are incomplete", "结果不完整";
    one_result_each(answered):
        "Each of {answered} tasks has exactly one result.",
        "全部 {answered} 个任务各有且仅有一个结果。";
    results_missing(answered, lost, duplicates):
        "Tasks with a result: {answered}; without a result: {lost}; duplicate results: {duplicates}.",
        "{answered} 个任务有结果，{lost} 个任务没有结果，{duplicates} 个结果重复。";
    interrupted_tasks(tasks):
        "The soak was interrupted with {tasks} tasks in flight.",
        "测试被中断，当时有 {tasks} 个任务尚未完成。";
    no_failures(): "No file failed.", "没有文件失败。";
    failures(files, reasons): "Failed: {files} ({reasons}).", "失败 {files} 个（{reasons}）。";
    results_identical(): "All results of each recording are identical.", "同一录音的所有结果完全一致。";
    results_differ(recordings, names):
        "Recordings with differing results: {recordings} ({names}).",
        "有 {recordings} 个录音的结果不一致（{names}）。";

    // Verdict on faults, and their table.
    all_faults_detected(): "Every fault was detected", "所有故障均被发现";
    some_faults_undetected(): "Some faults were not detected", "有故障未被发现";
    faults_detected(detected, injected):
        "{detected} of {injected} injected faults were detected and correctly identified.",
        "注入的 {injected} 个故障中，{detected} 个被正确识别。";
    faults_masked(faults):
        "Not counted: {faults} whose engine was lost to another fault first.",
        "另有 {faults} 个故障因引擎先被其他故障终止而未计入。";
    faults_harmless(faults):
        "Not counted: {faults} leaks of a single file that stayed below every limit.",
        "另有 {faults} 个单文件泄漏未超过任何限值，未计入。";
    faults_heading(): "Faults", "故障注入";
    faults_note():
        "A fault counts as detected if the engine that it hit was then replaced for a matching reason. A \
         leak is injected with every file and counts once; its cost is that of all replacements because of \
         memory that no other fault explains.",
        "故障命中的引擎随后以相符的原因被更换，即视为发现。泄漏随每个文件注入，只计一次；\
         其代价为所有因内存而更换、且不能由其他故障解释的引擎。";
    fault_columns():
        "Fault|Detected as|Explanation (first)|Injected|Detected|After|Gaps|Files rerun",
        "故障|识别为|依据（首次）|注入|发现|用时|间隔|重新运行的文件";
    fault_masked(): "engine lost to another fault first", "先因其他故障终止";
    fault_harmless(): "below every limit", "未超过限值";
    fault_undetected(): "not detected", "未发现";
    every_file(): "every file", "每个文件";
    more_faults(rows): "{rows} more faults are not shown.", "另有 {rows} 项未列出。";

    // Main numbers.
    growth_per_100_files(): "Growth per 100 files", "每 100 个文件的增长";
    growth_per_hour(): "Growth per hour", "每小时的增长";
    engine_peak(): "Peak resident memory, engine", "引擎常驻内存峰值";
    supervisor_peak(): "Peak resident memory, supervisor", "监管进程常驻内存峰值";
    supervisor_growth(): "Supervisor growth per hour", "监管进程每小时的增长";
    cgroup_peak(): "Peak memory, cgroup", "cgroup 内存峰值";
    gpu_peak(): "Peak GPU memory, engines", "引擎显存峰值";
    rtf_quantiles(): "Real-time factor, p50 / p90 / p99", "实时率 p50 / p90 / p99";
    files_done(): "Files transcribed", "完成的文件";
    files_failed(): "Files failed", "失败的文件";
    audio_transcribed(): "Audio transcribed", "转写的音频";
    duration(): "Duration", "测试时长";
    engines_replaced(): "Engines replaced", "引擎更换次数";
    time_without_engine(): "Time without an engine", "无引擎可用的时间";
    seconds_and_share(seconds, share): "{seconds} ({share})", "{seconds}（{share}）";
    files_rerun(): "Files rerun", "重新运行的文件";

    // Captions of the plots.
    memory_plot():
        "Resident memory of the engines and of the supervisor, each second; marks at the top are replaced \
         engines.",
        "引擎与监管进程的常驻内存（每秒一次）；顶部短线表示引擎更换。";
    cpu_plot(): "CPU usage of the engines and of the supervisor, each second.", "引擎与监管进程每秒的处理器占用。";
    rtf_plot():
        "Real-time factor (seconds of processing per second of audio) of each file, with the median over \
         time.",
        "各文件的实时率（处理秒数/音频秒数）及其随时间变化的中位数。";

    // Replacements.
    replacements_heading(): "Engine replacements", "引擎更换";
    engines_started(engines, load):
        "Engines started: {engines}. Median time from start to ready: {load}.",
        "共启动 {engines} 个引擎；从启动到可以处理文件的时间中位数为 {load}。";
    back_offs(starts, waited):
        "Starts delayed because engines failed too often: {starts}, by {waited} in total.",
        "由于引擎频繁失败，后续引擎延迟启动 {starts} 次，共 {waited}。";
    budget_changes(changes): "Changes of the batch budget: {changes}.", "批处理预算调整了 {changes} 次。";
    no_replacements(): "No engine was replaced.", "没有更换过引擎。";
    replacement_columns():
        "Reason|Engines|Gaps, total|Gap, mean|Gap, longest|Share of time|Files rerun",
        "原因|引擎数|间隔合计|平均间隔|最长间隔|占总时长|重新运行的文件";
    all_reasons(): "All", "合计";
    replacements_note():
        "A gap is time during which no engine accepted files. The total of files rerun is exact; by reason, \
         it is the number of files started again after an engine was lost for that reason.",
        "间隔指没有引擎可以处理文件的时间。重新运行的文件总数是精确的；\
         各原因的数目按引擎丢失之后重新开始的文件计算。";

    // Speed and memory.
    speed_heading(): "Speed and memory", "速度与内存";
    short_audio(): "Short audio (under 60 s)", "短音频（不足 60 秒）";
    long_audio(): "Long audio (60 s or more)", "长音频（60 秒及以上）";
    all_audio(): "All audio", "全部音频";
    speed_columns():
        "Concurrency|Files|Failed|Mean|Median|RTF|RSS before|RSS after|RSS delta|Files/min|Audio h/h",
        "并发数|文件数|失败|平均耗时|耗时中位数|实时率|处理前 RSS|处理后 RSS|RSS 变化|文件/分钟|音频小时/小时";
    speed_note():
        "Mean and median: seconds from the first byte of a file to its last segment. RTF: total processing \
         time over total duration of audio. RSS: resident memory of the engine, mean over files. Short and \
         long audio ran together, so the last two columns of their tables are shares of the same time.",
        "平均耗时与中位数为从文件首字节到最后一个语段的秒数。实时率为处理秒数之和除以音频秒数之和。\
         RSS 为引擎的常驻内存，取各文件的平均值。短音频与长音频在同一时段内一起运行，\
         因此这两个表的最后两列是同一时段中的份额。";

    // Recordings.
    recordings_heading(): "Recordings", "各录音";
    recording_columns():
        "Recording|Size|Audio|Runs|Failed|Median|RTF|RSS after|Distinct results",
        "录音|大小|音频|运行次数|失败|耗时中位数|实时率|处理后 RSS|不同结果数";
    more_recordings(recordings, file):
        "{recordings} more recordings are in {file}.",
        "其余 {recordings} 个录音见 {file}。";

    // Method.
    method_heading(): "Method", "测量方法";
    method_memory():
        "Resident memory is that of the engine, the process that owns the model. Another process, its \
         supervisor, reads it from /proc, every second and before and after each file; the engine takes no \
         part in it. Units are 10^6 bytes.",
        "常驻内存指引擎进程（即持有模型的进程）的常驻内存。由另一个进程，即其监管进程，从 /proc 读取，\
         引擎不参与测量：每秒一次，并在每个文件处理前后各一次。单位为 10^6 字节。";
    method_rule(limit):
        "The rule relates resident memory after each file to the number of files that the engine has \
         completed. Each pair of files of one engine at one concurrency gives a slope; the median of all \
         slopes is the growth (Theil-Sen estimator), with Sen's 95% confidence interval. Memory is flat if \
         the interval lies below {limit} MB per 100 files, leaks if it lies at or above it, and is \
         undecided otherwise. The interval assumes that the noise of different files is independent.",
        "判定规则：以每个文件处理后的常驻内存对引擎已处理的文件数作回归。\
         同一引擎、同一并发数下的文件两两配对求斜率，所有斜率的中位数即为增长率（Theil-Sen 估计），\
         并给出 Sen 的 95% 置信区间。区间完全低于每 100 个文件 {limit} MB 为平稳，完全不低于该值为泄漏，\
         其余为尚无定论。该区间假定各文件的噪声相互独立。";
    method_warm_up(min_files, warm_up, files, series):
        "Warm-up is excluded, for each engine at each concurrency: the first 20 files or half of its files, \
         whichever is less; the whole first round if the engine lived for more than two; all files if there \
         are fewer than {min_files}. Excluded: {warm_up} files. Remaining: {files} files in {series} \
         series.",
        "预热部分不计入：对每个引擎的每个并发数，去掉前 20 个文件或其文件数的一半（取较少者）；\
         若处理超过两轮，则去掉整个第一轮；不足 {min_files} 个文件的全部去掉。\
         共去掉 {warm_up} 个文件，剩余 {series} 段共 {files} 个文件。";
    method_sources(results, resources, events, run):
        "All numbers are computed from {results}, {resources}, {events} and {run} beside this report.",
        "所有数字均由本报告旁的 {results}、{resources}、{events} 和 {run} 得出。";

    // Reproduction: command and environment.
    reproduction_heading(): "How to reproduce", "复现方法";
    soak(): "Soak", "测试";
    started(): "Started", "开始时间";
    rounds(): "Rounds", "轮数";
    recordings_per_round(): "Recordings per round", "每轮录音数";
    version(): "Verbatim version", "Verbatim 版本";
    model(): "Model", "模型";
    engine(): "Engine", "引擎";
    memory_limits(): "Memory limits, soft and hard", "内存软限制与硬限制";
    processor(): "Processor", "处理器";
    machine_memory(): "Memory", "内存";
    kernel(): "Kernel", "内核";
    seed(): "Seed", "随机种子";
    requested_faults(): "Requested faults", "要求注入的故障";
    interrupted(): "Interrupted", "被中断";
}

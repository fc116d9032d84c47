//! Submitted recordings when the worker has to stop, and when its engine ends.

use crossbeam_channel::{Receiver, TryRecvError};
use std::sync::mpsc;

use verbatim_ledger::plan::PlannedFile;

use super::*;
use verbatim_protocol::engine_handle::EngineHandle;
use verbatim_protocol::transcript::Model;

/// An engine that takes a number of recordings, reports that, waits for the stop flag unless it has to end at
/// once, and gives no results.
struct UnresponsiveEngine {
    takes: usize,
    taken: mpsc::Sender<()>,
    ends_at_once: bool,
}

impl Transcriber for UnresponsiveEngine {
    fn transcribe(&mut self, tasks: Receiver<FileTask>, _on_event: &mut dyn FnMut(Event), stop: &AtomicBool) {
        let mut missing = self.takes;
        while missing > 0 && !stop.load(Ordering::Acquire) {
            match tasks.try_recv() {
                Ok(_) => missing -= 1,
                Err(TryRecvError::Empty) => thread::yield_now(),
                Err(TryRecvError::Disconnected) => break,
            }
        }
        self.taken.send(()).unwrap();
        while !self.ends_at_once && !stop.load(Ordering::Acquire) {
            thread::yield_now();
        }
    }

    fn model(&self) -> Model {
        Model { name: "unresponsive".to_owned(), digest: String::new() }
    }

    fn language(&self) -> String {
        "en".to_owned()
    }

    fn describe(&self) -> String {
        "unresponsive".to_owned()
    }

    fn handle(&self) -> Arc<EngineHandle> {
        Arc::default()
    }
}

struct Started {
    client: Arc<EngineClient>,
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    taken: mpsc::Receiver<()>,
}

fn start(takes: usize, ends_at_once: bool) -> Started {
    let (sender, taken) = mpsc::channel();
    let engine = UnresponsiveEngine { takes, taken: sender, ends_at_once };
    let builder = TranscriptBuilder {
        model: engine.model(),
        language: engine.language(),
        config_digest: String::new(),
    };
    let stop = Arc::new(AtomicBool::new(false));
    let (client, thread) = EngineClient::start(
        Box::new(engine),
        builder,
        vec![Format::Txt],
        Arc::clone(&stop),
        Box::new(|_, _| ()),
    );
    Started { client, thread, stop, taken }
}

async fn submit(client: &EngineClient, key: impl Into<String>) -> Result<Transcribed, NotTranscribed> {
    let key = key.into();
    let file: PlannedFile =
        serde_json::from_value(serde_json::json!({"key": key, "size": 1, "target": key})).unwrap();
    client.transcribe(SpooledRecording { file, path: key.into() }).await
}

fn run<T>(future: impl std::future::Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn a_stopped_worker_interrupts_every_submitted_recording() {
    // One recording is taken and the others are queued; or all are taken; or none.
    for (takes, submitted) in [(1, 4), (4, 4), (0, 4)] {
        let Started { client, thread, stop, taken } = start(takes, false);
        let results = run(async {
            let all = (0..submitted).map(|number| submit(&client, format!("{number}.wav")));
            let all = futures::future::join_all(all);
            let stopping = async {
                // Polled after the submissions, so that they are queued by now.
                taken.recv().unwrap();
                stop.store(true, Ordering::Release);
            };
            futures::join!(all, stopping).0
        });
        assert_eq!(results, vec![Err(NotTranscribed::Interrupted); submitted]);
        assert_eq!(run(submit(&client, "late.wav")), Err(NotTranscribed::Interrupted));
        // The thread ends although the client is not closed.
        thread.join().unwrap();
    }
}

#[test]
fn an_engine_that_waits_for_tasks_sees_the_stop_flag() {
    let Started { client, thread, stop, taken } = start(1, false);
    stop.store(true, Ordering::Release);
    thread.join().unwrap();
    taken.recv().unwrap();
    assert!(client.shared.pending().is_empty());
}

#[test]
fn an_engine_that_ends_leaves_no_caller_waiting() {
    let Started { client, thread, taken, .. } = start(1, true);
    let results = run(futures::future::join_all(["a.wav", "b.wav"].map(|key| submit(&client, key))));
    taken.recv().unwrap();
    assert!(results.iter().all(|result| matches!(result, Err(NotTranscribed::NoEngine(_)))), "{results:?}");
    thread.join().unwrap();
    assert!(matches!(run(submit(&client, "late.wav")), Err(NotTranscribed::NoEngine(_))));
}

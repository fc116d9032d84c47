//! What becomes of recordings at the door when the worker is told to stop, and when its engine dies.

use crossbeam_channel::Receiver;
use std::sync::mpsc;

use verbatim_ledger::plan::PlannedFile;

use super::*;
use verbatim_protocol::engine_handle::EngineHandle;
use verbatim_protocol::transcript::Model;

/// Takes so many recordings, says so, waits until it is told to stop or its time has come, and answers none.
struct Deaf {
    takes: usize,
    taken: mpsc::Sender<()>,
    dies: bool,
}

impl Transcriber for Deaf {
    fn transcribe(&mut self, tasks: Receiver<FileTask>, _on_event: &mut dyn FnMut(Event), stop: &AtomicBool) {
        tasks.iter().take(self.takes).for_each(drop);
        self.taken.send(()).unwrap();
        while !self.dies && !stop.load(Ordering::Acquire) {
            thread::yield_now();
        }
    }

    fn model(&self) -> Model {
        Model { name: "deaf".to_owned(), digest: String::new() }
    }

    fn language(&self) -> String {
        "en".to_owned()
    }

    fn describe(&self) -> String {
        "deaf".to_owned()
    }

    fn handle(&self) -> Arc<EngineHandle> {
        Arc::default()
    }
}

struct Opened {
    room: Arc<Room>,
    thread: JoinHandle<()>,
    stop: Arc<AtomicBool>,
    taken: mpsc::Receiver<()>,
}

fn open(takes: usize, dies: bool) -> Opened {
    let (sender, taken) = mpsc::channel();
    let engine = Deaf { takes, taken: sender, dies };
    let made_by = MadeBy { model: engine.model(), language: engine.language(), config_digest: String::new() };
    let stop = Arc::new(AtomicBool::new(false));
    let (room, thread) =
        Room::open(Box::new(engine), made_by, vec![Format::Txt], Arc::clone(&stop), Box::new(|_, _| ()));
    Opened { room, thread, stop, taken }
}

async fn enter(room: &Room, key: impl Into<String>) -> Result<Transcribed, NotTranscribed> {
    let key = key.into();
    let file: PlannedFile =
        serde_json::from_value(serde_json::json!({"key": key, "size": 1, "target": key})).unwrap();
    room.transcribe(SpooledRecording { file, path: key.into() }).await
}

fn run<T>(future: impl std::future::Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

#[test]
fn whoever_waits_for_a_worker_that_is_told_to_stop_is_given_back() {
    // One was taken up, and others stand at the door; or all were taken; or none has come yet.
    for (takes, come) in [(1, 4), (4, 4), (0, 4)] {
        let Opened { room, thread, stop, taken } = open(takes, false);
        let answers = run(async {
            let all = (0..come).map(|number| enter(&room, format!("{number}.wav")));
            let all = futures::future::join_all(all);
            let stops = async {
                // The recordings are at the door by now: this is polled after them.
                taken.recv().unwrap();
                stop.store(true, Ordering::Release);
            };
            futures::join!(all, stops).0
        });
        assert_eq!(answers, vec![Err(NotTranscribed::Interrupted); come]);
        assert_eq!(run(enter(&room, "late.wav")), Err(NotTranscribed::Interrupted));
        // The door need not be shut first.
        thread.join().unwrap();
    }
}

#[test]
fn an_engine_that_waits_at_the_door_hears_that_it_is_to_stop() {
    let Opened { room, thread, stop, taken } = open(1, false);
    stop.store(true, Ordering::Release);
    thread.join().unwrap();
    taken.recv().unwrap();
    assert!(room.inside.waiting().is_empty());
}

#[test]
fn an_engine_that_dies_leaves_nobody_waiting() {
    let Opened { room, thread, taken, .. } = open(1, true);
    let answers = run(futures::future::join_all(["a.wav", "b.wav"].map(|key| enter(&room, key))));
    taken.recv().unwrap();
    assert!(answers.iter().all(|answer| matches!(answer, Err(NotTranscribed::NoEngine(_)))), "{answers:?}");
    thread.join().unwrap();
    assert!(matches!(run(enter(&room, "late.wav")), Err(NotTranscribed::NoEngine(_))));
}

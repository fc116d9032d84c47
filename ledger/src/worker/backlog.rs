//! Sessions with files that have not started: while there is one, the worker claims no other shard.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Number of sessions with files that have not started.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlogs {
    count: Arc<AtomicUsize>,
    pub(super) changed: Arc<Notify>,
}

/// The backlog of one session, part of [`Backlogs`].
#[derive(Debug)]
pub(super) struct SessionBacklog {
    all: Backlogs,
    has_backlog: bool,
}

impl Backlogs {
    /// Registers a starting session, which counts as having a backlog until it says otherwise.
    pub(super) fn register(&self) -> SessionBacklog {
        self.count.fetch_add(1, Ordering::SeqCst);
        SessionBacklog { all: self.clone(), has_backlog: true }
    }

    pub(super) fn any(&self) -> bool {
        self.count.load(Ordering::SeqCst) > 0
    }
}

impl SessionBacklog {
    pub(super) fn set(&mut self, has_backlog: bool) {
        if std::mem::replace(&mut self.has_backlog, has_backlog) != has_backlog {
            if has_backlog {
                self.all.count.fetch_add(1, Ordering::SeqCst);
            } else {
                self.all.count.fetch_sub(1, Ordering::SeqCst);
                self.all.changed.notify_one();
            }
        }
    }
}

impl Drop for SessionBacklog {
    fn drop(&mut self) {
        self.set(false);
    }
}

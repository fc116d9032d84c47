//! Pods and workers: start, claim, work, preemption, drain and exit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::job::Job;
use super::random::Random;
use super::scenario::Scenario;

/// Lease of a claim in seconds: a lost worker holds it that long.
const LEASE: f64 = 30.0;
/// Seconds until a failed pod is replaced.
const REPLACED: f64 = 10.0;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    /// There is no pod.
    Absent,
    /// The pod cannot be scheduled.
    Waiting,
    Starting,
    Working,
    /// The worker exited with code 0.
    Left,
}

#[derive(Clone, Debug)]
pub(crate) struct Pod {
    pub(crate) state: State,
    /// Number of the pod's life: events of an earlier one are void.
    pub(crate) life: u32,
    pub(crate) ready: f64,
    pub(crate) counter: f64,
    pub(crate) draining: bool,
    slowness: f64,
    shard: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ready(usize, u32),
    FileEnds(usize, u32),
    Preempted(usize, u32),
    Replaced(usize, u32),
    LeaseEnds(usize),
}

pub(crate) struct World<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) job: Job,
    pub(crate) pods: Vec<Pod>,
    pub(crate) random: Random,
    pub(crate) done_seconds: f64,
    pub(crate) end: Option<f64>,
    pub(crate) now: f64,
    desired: usize,
    /// By time in microseconds.
    events: BinaryHeap<Reverse<(u64, Event)>>,
}

impl<'a> World<'a> {
    pub(crate) fn new(scenario: &'a Scenario) -> Self {
        let mut random = Random::new(scenario.seed);
        let job = Job::new(scenario, &mut random);
        let (pods, events) = (Vec::new(), BinaryHeap::new());
        Self { scenario, job, pods, random, done_seconds: 0.0, end: None, now: 0.0, desired: 0, events }
    }

    /// Sets the desired workers; the highest indexes go first, as in Kubernetes.
    pub(crate) fn set_desired(&mut self, desired: usize) {
        self.desired = desired;
        while self.pods.len() < desired {
            self.pods.push(Pod {
                state: State::Absent,
                life: 0,
                ready: 0.0,
                counter: 0.0,
                draining: false,
                slowness: 1.0,
                shard: None,
            });
        }
        for index in 0..self.pods.len() {
            let pod = &mut self.pods[index];
            match pod.state {
                State::Absent if index < desired => pod.state = State::Waiting,
                State::Waiting | State::Starting | State::Left if index >= desired => {
                    pod.life += 1;
                    pod.state = State::Absent;
                }
                State::Working if index >= desired => pod.draining = true,
                _ => {}
            }
        }
        self.place();
    }

    pub(crate) fn run_until(&mut self, until: f64) {
        while self.end.is_none() {
            let Some(Reverse((at, _))) = self.events.peek() else { break };
            if *at as f64 / 1e6 > until {
                break;
            }
            let Some(Reverse((at, event))) = self.events.pop() else { break };
            self.now = at as f64 / 1e6;
            self.handle(event);
        }
        self.now = until;
    }

    pub(crate) fn count(&self, state: State) -> u32 {
        self.pods.iter().filter(|pod| pod.state == state).count() as u32
    }

    fn at(&mut self, seconds: f64, event: Event) {
        self.events.push(Reverse((((self.now + seconds) * 1e6) as u64, event)));
    }

    /// Schedules waiting pods while there is capacity.
    fn place(&mut self) {
        let taken = self.count(State::Starting) + self.count(State::Working);
        let mut room = self.scenario.capacity.unwrap_or(u32::MAX).saturating_sub(taken);
        for index in 0..self.pods.len() {
            if self.pods[index].state != State::Waiting || room == 0 {
                continue;
            }
            room -= 1;
            let slow = self.random.chance(self.scenario.stragglers);
            let start =
                self.random.between(self.scenario.start.0, self.scenario.start.1) + self.scenario.load;
            let pod = &mut self.pods[index];
            (pod.state, pod.counter, pod.draining) = (State::Starting, 0.0, false);
            pod.life += 1;
            pod.slowness = if slow { 3.0 } else { 1.0 };
            let life = pod.life;
            self.at(start, Event::Ready(index, life));
            if let Some(mean) = self.scenario.preemption {
                let after = start + self.random.exponential(mean);
                self.at(after, Event::Preempted(index, life));
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Ready(index, life) if self.pods[index].life == life => {
                self.pods[index].state = State::Working;
                self.pods[index].ready = self.now;
                self.next(index);
            }
            Event::FileEnds(index, life) if self.pods[index].life == life => {
                let Some(shard) = self.pods[index].shard else { return };
                let shard = &mut self.job.shards[shard];
                let file = shard.files[shard.finished.len()];
                shard.finished.push(self.now);
                if !file.skipped {
                    self.pods[index].counter += file.seconds;
                    self.done_seconds += file.seconds;
                }
                self.next(index);
            }
            Event::Preempted(index, life) if self.pods[index].life == life => {
                if let Some(shard) = self.pods[index].shard.take() {
                    self.at(LEASE, Event::LeaseEnds(shard));
                }
                let pod = &mut self.pods[index];
                pod.life += 1;
                if pod.state != State::Left {
                    pod.state = State::Absent;
                    let life = pod.life;
                    self.at(REPLACED, Event::Replaced(index, life));
                }
            }
            Event::Replaced(index, life) if self.pods[index].life == life && index < self.desired => {
                self.pods[index].state = State::Waiting;
                self.place();
            }
            Event::LeaseEnds(shard) => {
                self.job.give_back(shard);
                self.wake();
            }
            _ => {}
        }
    }

    /// The worker continues with its shard, claims another, or exits.
    fn next(&mut self, index: usize) {
        let finished =
            |job: &Job, shard: usize| job.shards[shard].finished.len() == job.shards[shard].files.len();
        if let Some(shard) = self.pods[index].shard
            && finished(&self.job, shard)
        {
            self.pods[index].shard = None;
            if self.job.free.is_empty() && self.job.is_done() {
                self.end = Some(self.now);
                return;
            }
        }
        if self.pods[index].draining {
            if let Some(shard) = self.pods[index].shard.take() {
                self.job.give_back(shard);
                self.wake();
            }
            self.pods[index].life += 1;
            self.pods[index].state = State::Absent;
            self.place();
            return;
        }
        if self.pods[index].shard.is_none() {
            self.pods[index].shard = self.job.claim(self.now, &mut self.random);
        }
        let Some(shard) = self.pods[index].shard else {
            self.pods[index].state = State::Left;
            return;
        };
        let shard = &self.job.shards[shard];
        let file = shard.files[shard.finished.len()];
        let factor = self.scenario.real_time_factor * self.pods[index].slowness;
        let work = if file.skipped { 0.0 } else { file.seconds };
        let seconds = 0.05 + work * factor * self.random.log_normal(1.0, self.scenario.noise);
        let life = self.pods[index].life;
        self.at(seconds, Event::FileEnds(index, life));
    }

    /// A shard is free and a worker has exited: the Job controller starts one again.
    fn wake(&mut self) {
        if self.job.free.is_empty() {
            return;
        }
        let left = self.pods.iter().take(self.desired).position(|pod| pod.state == State::Left);
        if let Some(pod) = left.map(|index| &mut self.pods[index]) {
            pod.life += 1;
            pod.state = State::Waiting;
            self.place();
        }
    }
}

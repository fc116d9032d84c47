//! Watches: Jobs and pods of the cluster are kept in memory, so that a reconcile need not ask the API server.
//! Client required.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::utils::Backoff;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;
use verbatim_crds::TranscriptionJob;
use verbatim_crds::contract::labels;

/// Stores of the watched objects: one per namespace, or one for all namespaces.
#[derive(Clone, Default)]
pub struct Stores {
    jobs: Vec<Store<Job>>,
    pods: Vec<Store<Pod>>,
    listed: Arc<OnceCell<()>>,
}

/// Stream of jobs to reconcile.
pub type Triggers = futures::stream::BoxStream<'static, ObjectRef<TranscriptionJob>>;

impl Stores {
    /// Watches the Jobs and pods of one namespace, or of all. Returns the jobs to reconcile when they change.
    pub fn watch(&mut self, client: &Client, namespace: Option<&str>) -> Triggers {
        let (jobs, writer) = reflector::store();
        let job_stream = watch::<Job>(api(client, namespace), trim_job).reflect(writer).touched_objects();
        let (pods, writer) = reflector::store();
        let pod_stream = watch::<Pod>(api(client, namespace), trim_pod).reflect(writer).touched_objects();
        self.jobs.push(jobs);
        self.pods.push(pods);
        let jobs = job_stream.filter_map(|job| async move { job.ok().and_then(|job| owner(&job)) });
        let pods = pod_stream.filter_map(|pod| async move { pod.ok().and_then(|pod| owner(&pod)) });
        futures::stream::select(jobs, pods).boxed()
    }

    /// Waits for the first complete lists: before them a missing object may only be unknown.
    pub async fn ready(&self) {
        // One task waits and wakes the others: of several tasks that wait for one store, kube wakes only the
        // last.
        let listed = async {
            for store in &self.jobs {
                // A dropped writer ends the process elsewhere.
                let _ = store.wait_until_ready().await;
            }
            for store in &self.pods {
                let _ = store.wait_until_ready().await;
            }
        };
        self.listed.get_or_init(|| listed).await;
    }

    /// The Jobs of a TranscriptionJob.
    pub fn jobs(&self, uid: &str) -> Vec<Arc<Job>> {
        of(&self.jobs, uid)
    }

    /// The pods of a TranscriptionJob.
    pub fn pods(&self, uid: &str) -> Vec<Arc<Pod>> {
        of(&self.pods, uid)
    }
}

/// API of one namespace, or of all.
pub fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = kube::core::NamespaceResourceScope>,
    K::DynamicType: Default,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn of<K>(stores: &[Store<K>], uid: &str) -> Vec<Arc<K>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    let wanted = |object: &K| {
        object.meta().labels.as_ref().and_then(|all| all.get(labels::JOB_UID)).is_some_and(|is| is == uid)
    };
    stores.iter().flat_map(|store| store.state_filter(|object| wanted(object))).collect()
}

/// Watch of the operator's objects. Fields that it never reads are dropped.
fn watch<K>(api: Api<K>, trim: fn(&mut K)) -> impl Stream<Item = watcher::Result<watcher::Event<K>>> + Send
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + 'static,
{
    let ours = format!("{}={}", labels::MANAGED_BY, labels::OPERATOR);
    // Pages bound the memory of a list.
    let config = watcher::Config::default().labels(&ours).page_size(500);
    watcher(api, config).backoff(EverySecond).modify(move |object| {
        object.meta_mut().managed_fields = None;
        trim(object);
    })
}

/// Retries a watch every second. kube's own backoff grows to half a minute, which would delay the reconnect
/// to an API server that is back. The load is small: one operator leads.
#[derive(Debug)]
pub struct EverySecond;

impl Iterator for EverySecond {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_secs(1))
    }
}

impl Backoff for EverySecond {
    fn reset(&mut self) {}
}

fn trim_job(job: &mut Job) {
    if let Some(spec) = &mut job.spec {
        spec.template = Default::default();
    }
}

fn trim_pod(pod: &mut Pod) {
    pod.spec = None;
    pod.metadata.owner_references = None;
    if let Some(annotations) = &mut pod.metadata.annotations {
        annotations.retain(|name, _| name == crate::observe::pods::INDEX);
    }
}

/// Job of an object, by its labels.
fn owner<K: Resource<DynamicType = ()>>(object: &K) -> Option<ObjectRef<TranscriptionJob>> {
    let labels: &BTreeMap<String, String> = object.labels();
    let name = labels.get(labels::JOB)?;
    Some(ObjectRef::new(name).within(&object.namespace()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All reconciles wait when the operator starts.
    #[tokio::test]
    async fn all_waiting_tasks_are_woken_by_the_first_list() {
        let (jobs, mut writer) = reflector::store();
        let stores = Stores { jobs: vec![jobs], ..Stores::default() };
        let waiting: Vec<_> = (0..8)
            .map(|_| {
                let stores = stores.clone();
                tokio::spawn(async move { stores.ready().await })
            })
            .collect();
        // Each has polled once and waits.
        tokio::task::yield_now().await;
        writer.apply_watcher_event(&watcher::Event::Init);
        writer.apply_watcher_event(&watcher::Event::InitDone);
        for task in waiting {
            tokio::time::timeout(Duration::from_secs(5), task).await.expect("it was not woken").unwrap();
        }
    }
}

//! GossipSub or FloodSub, whichever the options name, and what the tests ask about it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use libp2p::{
    PeerId,
    floodsub::{self, Topic as FloodTopic},
    gossipsub::{
        self, ConfigBuilder, Event, IdentTopic, MessageAcceptance, MessageAuthenticity, MessageId, PeerScoreParams,
        PeerScoreThresholds, PublishError, TopicScoreParams, ValidationMode,
    },
    identity::Keypair,
    swarm::behaviour::toggle::Toggle,
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Failure,
    commands::base64,
    parts::{self, Groups, Parts},
    tally::{Tally, digest},
};

/// Bounds what is kept of the messages that have arrived.
const MAX_MESSAGES: usize = 8192;
/// The default of 64 KiB is less than the rows send.
const MAX_TRANSMIT_BYTES: usize = 1 << 20;
const INITIAL_DELAY: Duration = Duration::from_millis(100);

pub struct Pubsub {
    pub tally: Arc<Mutex<Tally>>,
    messages: Vec<Value>,
    /// Of FloodSub, which does not tell.
    subscribers: HashMap<String, BTreeSet<PeerId>>,
    groups: Groups,
    reject_prefix: Option<Vec<u8>>,
    scored_topic: Option<String>,
}

/// The behaviours, of which one is enabled.
pub struct Routers<'a> {
    pub gossipsub: &'a mut Toggle<gossipsub::Behaviour>,
    pub floodsub: &'a mut Toggle<floodsub::Behaviour>,
}

type Behaviours = (Option<gossipsub::Behaviour>, Option<floodsub::Behaviour>);

/// The options are a JSON object; what it lacks is as the implementation has it, unless said otherwise.
pub fn start(key: &Keypair, options: &Map<String, Value>) -> Result<(Pubsub, Behaviours), Failure> {
    let text = |name: &str| options.get(name).and_then(Value::as_str);
    let scored_topic = text("scoredTopic").map(str::to_string);
    let pubsub = Pubsub {
        tally: Arc::default(),
        messages: Vec::new(),
        subscribers: HashMap::new(),
        groups: Groups::default(),
        reject_prefix: text("rejectPrefix").map(|prefix| prefix.as_bytes().to_vec()),
        scored_topic: scored_topic.clone(),
    };
    if text("router") == Some("floodsub") {
        let config = floodsub::Config::new(key.public().to_peer_id());
        return Ok((pubsub, (None, Some(floodsub::Behaviour::from_config(config)))));
    }
    let authenticity = match options.get("unsigned") {
        Some(Value::Bool(true)) => MessageAuthenticity::Anonymous,
        _ => MessageAuthenticity::Signed(key.clone()),
    };
    let mut gossipsub = gossipsub::Behaviour::new(authenticity, config(options)?)?;
    if scored_topic.is_some() {
        let (params, thresholds) = score_params();
        gossipsub.with_peer_score(params, thresholds)?;
    }
    Ok((pubsub, (Some(gossipsub), None)))
}

fn config(options: &Map<String, Value>) -> Result<gossipsub::Config, Failure> {
    let number = |name: &str| options.get(name).and_then(Value::as_u64).map(|value| value as usize);
    let duration = |name: &str| options.get(name).and_then(Value::as_u64).map(Duration::from_millis);
    let is = |name: &str| options.get(name) == Some(&Value::Bool(true));
    let mut config = ConfigBuilder::default();
    config
        .max_transmit_size(MAX_TRANSMIT_BYTES)
        .heartbeat_initial_delay(INITIAL_DELAY)
        .flood_publish(is("floodPublish"));
    if let (Some(d), Some(low), Some(high)) = (number("d"), number("dLow"), number("dHigh")) {
        config.mesh_n(d).mesh_n_low(low).mesh_n_high(high).mesh_outbound_min((d / 2).min(low).min(2));
    }
    if let Some(peers) = number("dLazy") {
        config.gossip_lazy(peers);
    }
    if let Some(interval) = duration("heartbeatMs") {
        config.heartbeat_interval(interval);
    }
    if let Some(backoff) = duration("pruneBackoffMs") {
        config.prune_backoff(backoff);
    }
    if let Some(backoff) = duration("unsubscribeBackoffMs") {
        config.unsubscribe_backoff(backoff);
    }
    if let Some(bytes) = number("idontwantBytes") {
        config.idontwant_message_size_threshold(bytes);
    }
    if is("unsigned") {
        config.validation_mode(ValidationMode::Anonymous);
    }
    if is("px") {
        config.do_px().prune_peers(16);
    }
    if options.contains_key("rejectPrefix") {
        config.validate_messages();
    }
    match options.get("messageId").and_then(Value::as_str) {
        Some("own") => {}
        Some("data") => {
            config.message_id_fn(|message| MessageId::new(&Sha256::digest(&message.data)));
        }
        _ => {
            config.message_id_fn(|message| {
                let mut id = message.source.map_or_else(Vec::new, PeerId::to_bytes);
                id.extend(message.sequence_number.unwrap_or_default().to_be_bytes());
                MessageId::from(id)
            });
        }
    }
    Ok(config.build()?)
}

/// They count invalid messages of one topic and what a peer does against the protocol; all the peers of the rows have one
/// address, so that does not count. One invalid message stops gossip, two hide a peer.
fn score_params() -> (PeerScoreParams, PeerScoreThresholds) {
    let params = PeerScoreParams {
        ip_colocation_factor_weight: 0.0,
        behaviour_penalty_weight: -10.0,
        behaviour_penalty_decay: 0.999,
        ..Default::default()
    };
    let thresholds = PeerScoreThresholds {
        gossip_threshold: -10.0,
        publish_threshold: -50.0,
        graylist_threshold: -75.0,
        accept_px_threshold: 0.0,
        opportunistic_graft_threshold: 0.0,
    };
    (params, thresholds)
}

fn topic_score_params() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 1.0,
        first_message_deliveries_decay: 0.999,
        first_message_deliveries_cap: 10.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -20.0,
        invalid_message_deliveries_decay: 0.999,
        ..Default::default()
    }
}

impl Pubsub {
    pub fn subscribe(&mut self, routers: Routers<'_>, topic: &str, partial: &str) -> Result<Value, Failure> {
        if let Some(floodsub) = routers.floodsub.as_mut() {
            floodsub.subscribe(FloodTopic::new(topic));
            return Ok(json!({}));
        }
        let gossipsub = required(routers.gossipsub)?;
        let named = IdentTopic::new(topic);
        if partial == "requests" || partial == "supports" {
            gossipsub.enable_partials_for_topic(named.hash(), partial == "requests");
        }
        if self.scored_topic.as_deref() == Some(topic) {
            gossipsub.set_topic_params(named.clone(), topic_score_params())?;
        }
        gossipsub.subscribe(&named)?;
        Ok(json!({}))
    }

    pub fn unsubscribe(&mut self, routers: Routers<'_>, topic: &str) -> Result<Value, Failure> {
        let left = match routers.floodsub.as_mut() {
            Some(floodsub) => floodsub.unsubscribe(FloodTopic::new(topic)),
            None => required(routers.gossipsub)?.unsubscribe(&IdentTopic::new(topic)),
        };
        if left { Ok(json!({})) } else { Err(format!("not subscribed to {topic}").into()) }
    }

    pub fn publish(&mut self, routers: Routers<'_>, topic: &str, data: Vec<u8>) -> Result<Value, Failure> {
        match routers.floodsub.as_mut() {
            Some(floodsub) => floodsub.publish_any(FloodTopic::new(topic), data),
            None => match required(routers.gossipsub)?.publish(IdentTopic::new(topic), data) {
                // Which the other implementations do not take for a failure.
                Ok(_) | Err(PublishError::NoPeersSubscribedToTopic) => {}
                Err(error) => return Err(error.into()),
            },
        }
        Ok(json!({}))
    }

    pub fn topic_peers(&self, routers: Routers<'_>, topic: &str) -> Vec<String> {
        let Some(gossipsub) = routers.gossipsub.as_mut() else {
            return self.subscribers.get(topic).into_iter().flatten().map(PeerId::to_string).collect();
        };
        let hash = IdentTopic::new(topic).hash();
        gossipsub.all_peers().filter(|(_, topics)| topics.contains(&&hash)).map(|(peer, _)| peer.to_string()).collect()
    }

    pub fn mesh(&self, routers: Routers<'_>, topic: &str) -> Vec<String> {
        let hash = IdentTopic::new(topic).hash();
        let mesh = |gossipsub: &mut gossipsub::Behaviour| gossipsub.mesh_peers(&hash).map(PeerId::to_string).collect();
        routers.gossipsub.as_mut().map(mesh).unwrap_or_default()
    }

    pub fn messages(&self) -> Value {
        json!(self.messages)
    }

    pub fn traffic(&self, routers: Routers<'_>) -> Value {
        let gossipsub = routers.gossipsub.as_mut();
        lock(&self.tally).describe(|peer| gossipsub.as_ref().and_then(|gossipsub| gossipsub.peer_score(peer)))
    }

    pub fn publish_parts(
        &mut self,
        routers: Routers<'_>,
        topic: &str,
        group: &[u8],
        parts: Parts,
    ) -> Result<Value, Failure> {
        let gossipsub = required(routers.gossipsub)?;
        let message = self.groups.add(topic, group, parts).ok_or("too many groups")?;
        gossipsub.publish_partial(IdentTopic::new(topic), message)?;
        Ok(json!({}))
    }

    pub fn parts(&self, topic: &str, group: &[u8]) -> Value {
        let parts = self.groups.of(topic, group);
        parts.iter().map(|part| part.as_ref().map_or(Value::Null, |part| base64(part).into())).collect()
    }

    pub fn on_gossipsub(&mut self, gossipsub: &mut gossipsub::Behaviour, event: Event) {
        match event {
            Event::Message { propagation_source, message_id, message } => {
                if let Some(prefix) = &self.reject_prefix {
                    let valid = !message.data.starts_with(prefix);
                    let verdict = if valid { MessageAcceptance::Accept } else { MessageAcceptance::Reject };
                    gossipsub.report_message_validation_result(&message_id, &propagation_source, verdict);
                    if !valid {
                        return;
                    }
                }
                self.keep(json!({
                    "id": base64(&message_id.0),
                    "topic": message.topic.as_str(),
                    "from": message.source.map(|peer| peer.to_string()),
                    "seqno": message.sequence_number.map(|number| base64(&number.to_be_bytes())),
                    "via": propagation_source.to_string(),
                    "bytes": message.data.len(),
                    "digest": digest(&message.data),
                }));
            }
            Event::Partial { topic_hash, group_id, message, peer_id, .. } => {
                let got = match message.as_deref().map(parts::decode) {
                    None => Parts::default(),
                    Some(Some(got)) => got,
                    Some(None) => return gossipsub.report_invalid_partial(peer_id, &topic_hash),
                };
                if let Some(message) = self.groups.add(topic_hash.as_str(), &group_id, got)
                    && let Err(error) = gossipsub.publish_partial(topic_hash, message)
                {
                    eprintln!("partial messages: {error}");
                }
            }
            _ => {}
        }
    }

    pub fn on_floodsub(&mut self, event: floodsub::Event) {
        match event {
            floodsub::Event::Message(message) => self.keep(json!({
                "id": base64(&[message.source.to_bytes(), message.sequence_number.clone()].concat()),
                "topic": message.topics.first().map(FloodTopic::id),
                "from": message.source.to_string(),
                "seqno": base64(&message.sequence_number),
                "via": "", // which the behaviour does not tell
                "bytes": message.data.len(),
                "digest": digest(&message.data),
            })),
            floodsub::Event::Subscribed { peer_id, topic } => {
                self.subscribers.entry(topic.id().to_string()).or_default().insert(peer_id);
            }
            floodsub::Event::Unsubscribed { peer_id, topic } => {
                self.subscribers.entry(topic.id().to_string()).or_default().remove(&peer_id);
            }
        }
    }

    pub fn on_disconnected(&mut self, peer: PeerId) {
        for subscribers in self.subscribers.values_mut() {
            subscribers.remove(&peer);
        }
    }

    fn keep(&mut self, message: Value) {
        if self.messages.len() < MAX_MESSAGES {
            self.messages.push(message);
        }
    }
}

fn required(gossipsub: &mut Toggle<gossipsub::Behaviour>) -> Result<&mut gossipsub::Behaviour, Failure> {
    gossipsub.as_mut().ok_or_else(|| "the router is not GossipSub".into())
}

fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

//! Threads that have a stretch of the rows each. Whoever leads them has one of his own.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SendError, Sender, TryRecvError, channel};

use super::cells::Cell;
use super::shard::{Draw, Histogram, Order, Parting, Reply, Shard};
use crate::learn::cores;

/// How often it is looked whether there is something to do before a thread goes to sleep: orders follow each other by some
/// microseconds, and a thread takes longer to wake up. Between looks others may have the core.
const LOOKS: u32 = 100;

struct Member<C> {
    orders: Sender<Order<C>>,
    replies: Receiver<Reply<C>>,
}

pub struct Team<'a, C> {
    /// One, and those for which no thread could be started.
    own: Vec<Shard<'a, C>>,
    others: Vec<Member<C>>,
    /// Histograms that nobody needs.
    spare: Vec<Histogram<C>>,
    width: usize,
}

/// Has a team of such shards, of `width` bytes a row, do some work. Where the system starts no more threads, as for users
/// that may have few of them, there are fewer.
pub fn with_team<C: Cell, R>(
    shards: Vec<Shard<'_, C>>,
    width: usize,
    work: impl FnOnce(&mut Team<'_, C>) -> R,
) -> Option<R> {
    std::thread::scope(|scope| {
        let mut shards = shards.into_iter();
        let mut own = vec![shards.next()?];
        let mut others = Vec::new();
        for shard in shards {
            let (orders, to_do) = channel();
            let (sender, replies) = channel();
            let (give, given) = channel::<Shard<'_, C>>();
            let started = cores::start(scope, move || {
                let Ok(mut shard) = given.recv() else { return };
                while let Some(order) = next(&to_do) {
                    // Nobody listens any more where the leader is gone.
                    if sender.send(shard.carry_out(order)).is_err() {
                        return;
                    }
                }
            });
            if !started {
                own.push(shard);
                continue;
            }
            match give.send(shard) {
                Ok(()) => others.push(Member { orders, replies }),
                Err(SendError(shard)) => own.push(shard),
            }
        }
        Some(work(&mut Team { own, others, spare: Vec::new(), width }))
    })
}

fn next<T>(receiver: &Receiver<T>) -> Option<T> {
    for _ in 0..LOOKS {
        match receiver.try_recv() {
            Ok(it) => return Some(it),
            Err(TryRecvError::Empty) => std::thread::yield_now(),
            Err(TryRecvError::Disconnected) => return None,
        }
    }
    receiver.recv().ok()
}

impl<C: Cell> Team<'_, C> {
    pub fn histogram(&mut self) -> Histogram<C> {
        self.spare.pop().unwrap_or_else(|| vec![[C::default(); 256]; self.width])
    }

    pub fn give_back(&mut self, histogram: Histogram<C>) {
        self.spare.push(histogram);
    }

    /// Has all carry out an order, made for each, and gives each reply to `take`, the leader's own first.
    fn all(
        &mut self,
        mut order: impl FnMut(&mut Self) -> Order<C>,
        mut take: impl FnMut(&mut Self, Reply<C>),
    ) {
        for at in 0..self.others.len() {
            let order = order(self);
            // What has broken down is found out below.
            let _ = self.others[at].orders.send(order);
        }
        for at in 0..self.own.len() {
            let order = order(self);
            let reply = self.own[at].carry_out(order);
            take(self, reply);
        }
        for at in 0..self.others.len() {
            let reply = next(&self.others[at].replies);
            take(self, reply.expect("a thread that grows trees broke down"));
        }
    }

    /// Begins a round, and says what no gradient is greater than.
    pub fn round(&mut self, draw: Option<Draw>) -> f64 {
        let mut most = 0.0_f64;
        self.all(
            |_| Order::Round(draw),
            |_, reply| {
                if let Reply::Most(its) = reply {
                    most = most.max(its);
                }
            },
        );
        most
    }

    /// Begins a tree with the sums of all rows.
    pub fn tree(&mut self, score: usize, units: super::cells::Units) -> Histogram<C> {
        self.sums(|team| Order::Tree(score, units, team.histogram()))
    }

    /// Splits a leaf, and sums one of its parts up if that is wanted.
    pub fn split(&mut self, parting: &Arc<Parting>, wanted: Option<usize>) -> Option<Histogram<C>> {
        let Some(leaf) = wanted else {
            self.all(|_| Order::Split(Arc::clone(parting), None), |_, _| {});
            return None;
        };
        Some(self.sums(|team| Order::Split(Arc::clone(parting), Some((leaf, team.histogram())))))
    }

    pub fn step(&mut self, score: usize, steps: &Arc<[f64]>) {
        self.all(|_| Order::Step(score, Arc::clone(steps)), |_, _| {});
    }

    /// How wrong the scores are of the rows that are kept apart, in all.
    pub fn loss(&mut self) -> f64 {
        let mut losses = Vec::new();
        self.all(
            |_| Order::Loss,
            |_, reply| {
                if let Reply::Losses(its) = reply {
                    losses.extend(its);
                }
            },
        );
        losses.iter().sum()
    }

    fn sums(&mut self, order: impl FnMut(&mut Self) -> Order<C>) -> Histogram<C> {
        let mut sums: Option<Histogram<C>> = None;
        self.all(order, |team, reply| {
            let Reply::Sums(its) = reply else { return };
            let Some(sums) = &mut sums else {
                sums = Some(its);
                return;
            };
            for (sum, its) in sums.as_flattened_mut().iter_mut().zip(its.as_flattened()) {
                sum.add(*its);
            }
            team.give_back(its);
        });
        sums.unwrap_or_default()
    }
}

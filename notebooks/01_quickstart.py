# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Which strategy is best for five servers?
#
# Five SMTP servers, one of them new and cold, send one campaign to 50,000 recipients at seven
# mailbox providers. One server fails in mid-campaign. We simulate six ways of spreading the mail
# and ask which one delivers most, how sure that is, and what it costs in time.

# %%
import mstoolkit as ms

# %% tags=["parameters"]
SEED = 0
REPLICATIONS = 20
BATCH = 100

# %% [markdown]
# ## What is given
#
# A scenario holds everything but the strategy and the seed. This one comes with the toolkit.

# %%
scenario = ms.load_scenario("quickstart")
for name, server in scenario.servers.items():
    rate = 60 * server.limits.rate
    print(f"{name}  {server.region}  {server.warm:4.0%} warm  {rate:4.0f}/min to each provider")
for outage in scenario.outages:
    end = outage.start + outage.lasts
    print(f"{outage.server} fails from minute {outage.start / 60:.0f} to {end / 60:.0f}")

# %% [markdown]
# ## Compare
#
# In each replication all strategies meet the same audience, providers and outage, so that they can
# be compared in pairs.

# %%
result = ms.compare(scenario, replications=REPLICATIONS, seed=SEED, batch=BATCH)
result.winner.sentence

# %%
ms.plots.ranking(result.summary, result.comparison);
# %% [markdown]
# **Finding.** By what they deliver the strategies hardly differ (mind the axis): with limits,
# retries and failover in place, all of them deliver what can be delivered within eight hours. A
# hollow dot cannot be told from the best; a filled one can, however close it lies.

# %%
shown = ["metric", "strategy", "difference", "ci_low", "ci_high", "verdict"]
rates = result.comparison[result.comparison["metric"].isin(["delivery_rate", "queue_p95"])]
rates[shown].round(5)

# %% [markdown]
# ## What it costs in time
#
# The same mail can arrive within the hour or in the evening.

# %%
ms.plots.delivered_over_time(result.series["delivered"]);
# %% [markdown]
# **Finding.** This is where strategies differ. Those that use all servers at once are done first.
# Those that stay on one server at a time (`batch`, `interval`) are held up by that server's limits
# while the others idle, and longest while the cold one has its turn.

# %%
waiting = result.summary[result.summary["metric"] == "queue_p95"].set_index("strategy")["mean"]
(waiting / 3600).round(2).rename("95 % delivered within, h").sort_values().to_frame()

# %% [markdown]
# ## How one strategy does it
#
# One run of `interval`, which takes another server every ten minutes, in detail.

# %%
run = ms.simulate(scenario, "interval", seed=SEED, batch=BATCH)
ms.plots.server_share_over_time(ms.analysis.server_share_over_time(run.events));
# %% [markdown]
# **Finding.** Each column is a turn of ten minutes. While `mta-2` cannot be reached its turn is
# passed over; afterwards a probe of a few messages brings it back, and it has its turns again.

# %%
ms.plots.reputation_over_time(ms.analysis.reputation_over_time(run.truth));
# %% [markdown]
# **Finding.** This is hidden from the sender: the providers' own view. It falls in steps, with the
# turns, as mail meets dead addresses and complaints. The cold `mta-5` loses little because its low
# limits let it send little.

# %%
ms.plots.outcomes_by_isp(ms.analysis.outcomes(run.events));
# %% [markdown]
# **Finding.** What is missing to 100 % is dead addresses (bounced), mailboxes that stay full until
# the message is given up (expired), and the suppression list. No provider stands out: `other`, the
# many small ones, has the most bounces.

# %%
ms.by(run.events, "isp")[["enqueued", "delivery_rate", "bounce_rate", "deferral_rate"]].round(4)

# %% [markdown]
# ## Next
#
# `mstoolkit send quickstart -s STRATEGY --sinks --limit 500 --out runs/live` sends real SMTP
# messages with the same dispatcher to test servers on this machine.

# %%
import sys

print(f"mstoolkit {ms.__version__}, Python {sys.version_info.major}.{sys.version_info.minor}")

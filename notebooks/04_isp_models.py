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
# # Do the mailbox providers answer like the real ones?
#
# A comparison of strategies is worth what its providers are worth. Here they are held against what
# is published: an ordinary sender's figures, the placement curve, how long a pause lasts, which
# warm-up plans pass. What was fitted is told apart from what was not looked at before.

# %%
import pandas as pd

import mstoolkit as ms
from mstoolkit import experiment, plots
from mstoolkit.config import isp_names, load_profile
from mstoolkit.config.benchmarks import load_benchmarks
from mstoolkit.config.figures import figures
from mstoolkit.config.reputation import ExponentialSpec, RspamdSpec, TxRepSpec
from mstoolkit.config.scenario import Listing, Segment

# %% tags=["parameters"]
SEED = 1
BATCH = 1
PROVIDERS = ["gmail", "yahoo", "outlook"]

# %% [markdown]
# ## Where the figures come from
#
# Each figure of a profile names its source, or is listed as an assumption. No large provider
# publishes a rate: limits are hidden, and move with reputation and warmth.

# %%
rows = [(name, each.standing) for name in isp_names() for each in figures(load_profile(name))]
standing = pd.DataFrame(rows, columns=["isp", "standing"])
standing.value_counts("standing").to_frame("figures of all profiles")

# %%
gmail = load_profile("gmail")
shown = [each for each in figures(gmail) if each.key.startswith(("rate", "growth", "connections"))]
pd.DataFrame(shown)[["key", "value", "unit", "standing"]]

# %% [markdown]
# ## An ordinary sender
#
# Four warm servers send an ordinary campaign a day for three days (scenario `neutral`). Each point
# is what came of it, as a share of what was published. The audience was made so that opens, clicks
# and hard bounces are as published; placement was fitted by provider. The world's mean placement,
# soft bounces and the times of 2022 were not looked at.

# %%
found = experiment.ordinary_sender(seed=SEED, batch=BATCH)
plots.against_published(found);
# %% [markdown]
# **Finding.** What was fitted lies on the line, which proves little. Of what was not, placement and
# soft bounces come within a few hundredths; opens of 2022 come somewhat late in reality, when
# machines had begun to fetch. Abuse reports are few, so that chance alone moves them by a third.

# %%
found[found["use"] == "held-out"].drop(columns="benchmark").round(4)

# %% [markdown]
# ## Placement by score
#
# The share of mail in the inbox follows the reputation by a curve that is fitted to placement by
# Sender Score. The model reaches each score by the list: the more dead addresses, the lower.

# %%
curve = experiment.placement_by_score(load_profile("yahoo"))
plots.placement_curve(curve, load_benchmarks()["sender-score"].points);
# %% [markdown]
# **Finding.** The model passes through the three published bands. Between a good sender and a
# middling one lies most of the inbox, which is why a strategy that spares reputation pays.

# %% [markdown]
# ## Complaints
#
# Gmail advises to stay under 0.1 % and acts at 0.3 %. Nothing was fitted to that. Mail in the spam
# folder is not complained of, so that complaints hide themselves as placement falls.

# %%
experiment.complaints(gmail, [0.0, 0.001, 0.003, 0.01]).style.format(
    {"complaints": "{:.1%}", "reputation": "{:.3f}", "inbox": "{:.1%}"}
)

# %% [markdown]
# ## How long a pause lasts
#
# A sender pushes on into a refusal, then backs off. Minutes until it is taken again, beside the
# pause that was published for that provider. One that goes on pushing is refused for longer.

# %%
experiment.pauses([*PROVIDERS, "apple", "orange", "free"]).set_index("isp")

# %%
experiment.recovery(gmail, pushed=60, pushing_on=True, patience=6 * 3600.0)

# %% [markdown]
# ## Which published warm-up plans pass
#
# From a cold address, with mail for people who opened lately, up to three quarters of what the
# provider takes at its best. Cautious plans pass; those that more than double from day to day
# break where they leave the small volumes that are always let in.

# %%
plans = experiment.schedules(PROVIDERS)
plans.pivot_table(index="schedule", columns="isp", values="breaks_on", dropna=False)

# %% [markdown]
# ## What is remembered of a bad day
#
# On the third day of ten a list has 5 % dead addresses. Four judges: a memory of twelve hours, one
# of thirty days, Rspamd's reputation and SpamAssassin's TxRep.

# %%
hours, days = 3600.0, 86400.0
judges = {
    "12 h half-life": ExponentialSpec(kind="exponential", half_life=12 * hours, prior=400),
    "30 d half-life": ExponentialSpec(kind="exponential", half_life=30 * days, prior=400),
    "Rspamd": RspamdSpec(kind="rspamd"),
    "TxRep": TxRepSpec(kind="txrep"),
}
good, bad = (Segment(share=1.0, opens=0.3, unknown=unknown) for unknown in (0.002, 0.05))

# %%
def remembered(judge):
    changed = gmail.reputation.model_copy(update={"judges": (judge,)})
    profile = gmail.model_copy(update={"reputation": changed})
    lists = [bad if day == 2 else good for day in range(10)]
    return experiment.warm_up(profile, [20_000] * 10, segment=lists, warm=1.0)


days_of = {name: remembered(judge).set_index("day") for name, judge in judges.items()}
plots.memories(pd.DataFrame({name: table["reputation"] for name, table in days_of.items()}));
# %% [markdown]
# **Finding.** The short memory falls deepest and forgives within days; the long one loses less and
# keeps it. TxRep, a plain mean since the first message, has not forgiven by the end. Rspamd hardly
# notices: its memory weighs messages by the time between them, and one day is short beside a month.

# %% [markdown]
# ## One address on a blocklist
#
# `mta-1` is listed for a day. The providers that ask the list refuse it; the rest of the pool stays
# reachable, and the strategy moves the mail there.

# %%
scenario = ms.load_scenario("neutral")
listing = Listing(server="mta-1", blocklist="spamhaus", start=0.0, lasts=1 * days)
listed = scenario.model_copy(update={"listings": (listing,)})
runs = {"free": scenario, "listed": listed}
runs = {k: ms.simulate(v, "smooth-weighted", seed=SEED, batch=100) for k, v in runs.items()}
shares = {
    name: run.events[run.events["event"] == "delivered"].groupby("server", observed=True)["n"].sum()
    for name, run in runs.items()
}
pd.DataFrame(shares)

# %% [markdown]
# ## What the sender would see of it
#
# The providers' hidden state is not for strategies; these are the daily forms that real senders
# get: Google's Postmaster Tools and Microsoft's SNDS. Which comparisons of strategies rest on
# assumed figures is told by `mstoolkit sensitivity quickstart` (`docs/sensitivity.md`).

# %%
run = runs["listed"]
forms = ms.analysis.postmaster_daily(run.events, run.truth, scenario)
forms[forms["isp"] == "gmail"].T

# %%
outlook = run.events[run.events["isp"] == "outlook"]
ms.analysis.snds_daily(outlook, run.truth)

# %%
import sys

print(f"mstoolkit {ms.__version__}, Python {sys.version_info.major}.{sys.version_info.minor}")

"""Cases in which this engine does not do what the real one did, each with its reason; docs/standalone.md lists them for readers.

Virtual time has no latency: what takes the real engine a few milliseconds, this one does at one instant. Where two things end at the
same instant, the recorded order, or the number of episodes they were taken up in, is a matter of those milliseconds. What the
orchestrator gives is the same in each of these cases.
"""

ORDER = "two results of one instant, in the other order"
EPISODES = "two things of one instant, in one episode where the real engine took two, or the other way round"

DEVIATIONS: dict[str, str] = {
    "p2-025": EPISODES,
    "p2-089": EPISODES,
    "p3-014": EPISODES,
    "p4-099": ORDER,
    "p8-019": EPISODES,
    "p8-030": EPISODES,
    "p8-062": EPISODES,
}

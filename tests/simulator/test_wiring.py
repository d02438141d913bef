from deskwire.devices.catalogue import device_class
from deskwire.model.readings import Snapshot
from deskwire.simulator.wiring import TOPICS


def test_simulated_topics_are_those_of_a_real_desk() -> None:
    simulated = {topic.name: (topic.periodic, topic.empty) for topic in TOPICS}
    real = [device_class(name).topic for name in Snapshot.__struct_fields__]

    assert simulated == {topic.name: (topic.periodic, topic.empty) for topic in real}

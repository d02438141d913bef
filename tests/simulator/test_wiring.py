from deskwire.devices.catalogue import DEVICES, device_class
from deskwire.simulator.scenario import load
from deskwire.simulator.simulated_desk import SimulatedDesk
from deskwire.simulator.simulation import Simulation
from deskwire.simulator.wiring import TOPICS
from tests.simulator.test_simulation import BEGAN


def test_simulated_topics_and_commands_are_those_of_a_real_desk() -> None:
    commands = {command for name in DEVICES for command in device_class(name).commands}

    assert [topic.name for topic in TOPICS] == [*DEVICES]
    assert set(SimulatedDesk.commands) == commands, "simulate the new command"


def test_example_has_a_reading_of_every_topic() -> None:
    readings = Simulation(load("example")[0], BEGAN).readings(BEGAN)
    absent = [name for name in DEVICES if readings[name] == device_class(name).topic.empty]

    assert not absent, "add it to [readings] in scenarios/example.toml"

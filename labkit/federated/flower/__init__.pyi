from .client import client_app as client_app
from .server import server_app as server_app
from .in_process import run_in_process as run_in_process
from .app import write_app as write_app

from .adapter import client_app as client_app
from .adapter import server_app as server_app
from .adapter import run_in_process as run_in_process
from .app import write_app as write_app
